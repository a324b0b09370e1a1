import type { Parts } from './restore-steps.ts'
import type { Undo } from './rollback-class.ts'

/** What a person has to know before the first step of a restore, as sentences. */
export function notesOf(parts: Parts, undo: Undo): readonly string[] {
  const { target, restore, snapshot, settings, files } = parts
  const unseen = Object.values(restore).flatMap(part => (part.known ? [] : [part.reason]))
  const lost = undo.sql
    .filter(file => file.class === 'restore')
    .map(({ migration, loses }) => `${migration}: ${loses}`)
  const major = (version: string | undefined) => version?.split('.')[0]
  const newer = parts.version !== undefined && major(parts.version) !== major(settings.version)
  const unmarked =
    restore.snapshot.known &&
    restore.snapshot.value !== undefined &&
    restore.snapshot.value.tags['langfuse-rollout:to'] === undefined
  return [
    `PostgreSQL: ${target.snapshot === undefined ? 'no recorded snapshot' : `snapshot ${snapshot}`}. ClickHouse: ${files === undefined ? 'no EFS volume' : (files.recoveryPoint ?? 'no recorded recovery point')}.`,
    ...(target.record === undefined ? [] : [`They are from deployment record ${target.record}.`]),
    ...unseen.map(
      reason =>
        `Words in capitals stand for values that this run did not read (${reason}). Replace them before you paste.`,
    ),
    ...(unmarked
      ? [`Snapshot ${snapshot} has no tag of a deploy of this action: make sure that it is of this stack.`]
      : []),
    ...(newer
      ? [
          `The snapshot has PostgreSQL ${parts.version}, and ${settings.id} now runs ${settings.version}: choose parameter groups of the older version.`,
        ]
      : []),
    ...(settings.managedPassword
      ? [
          'RDS keeps the master password in a secret of its own, which a restored database does not get: set it again with `--manage-master-user-password`.',
        ]
      : []),
    ...(settings.endpoint !== undefined &&
    parts.stack.probe.identity.known &&
    parts.stack.probe.identity.value.names.some(name => name.includes('.proxy-'))
      ? [
          'Langfuse connects through an RDS Proxy: after the swap, deregister its target and register it again.',
        ]
      : []),
    ...lost.map(loss => `SQL does not bring back: ${loss}.`),
    'A complete return loses what was written since the backups: traces, scores, prompts, users, keys, and events that wait in Valkey. Blobs in S3 stay. The two backups differ by minutes, and AWS Backup copies files while ClickHouse writes: it may set damaged parts aside (system.detached_parts).',
  ]
}
