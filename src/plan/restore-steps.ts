import type { DatabaseSettings } from '../ports/cloud.ts'
import type { RestorableFiles, RestoreFacts } from '../stack/observe-restore.ts'
import type { Stack } from '../stack/stack.ts'
import { copyOf, deleteDatabase, keptAs, restoreBeside, swapBack, swapNames } from './restore-database.ts'
import { KEPT_FILES, moveFiles, restoreFiles } from './restore-files.ts'
import { startParts, stopParts } from './restore-services.ts'
import type { RestoreQuestion, RunbookStep } from './runbook.ts'
import { quote } from './shell.ts'

/** What the steps are made from: observed values, and placeholders for the others. */
export type Parts = {
  readonly stack: Stack
  readonly release: string
  readonly settings: DatabaseSettings
  readonly snapshot: string
  readonly version: string | undefined
  /** undefined: ClickHouse has no EFS volume. */
  readonly files: RestorableFiles | undefined
  readonly restore: RestoreFacts
  readonly target: RestoreQuestion['target']
}

/** A step whose script is not yet a block. */
export type Draft = Omit<RunbookStep, 'script'> & { readonly script?: readonly string[] }

type What = { readonly database: boolean; readonly files: boolean }

export function wholeSwap(parts: Parts, what: What): readonly Draft[] {
  const { stack } = parts
  return [
    {
      what: 'Stop the web, then the worker. Clients get errors until both run again. If Application Auto Scaling manages a service, suspend it first.',
      script: stopParts(stack, ['web', 'worker']),
    },
    ...(what.database ? [swapDatabase(parts)] : []),
    ...(what.files ? swapFiles(parts) : []),
    { what: 'Start the worker, then the web.', script: startParts(stack, ['web', 'worker']) },
  ]
}

export function beside({ settings, snapshot, version, target }: Parts): Draft {
  const which =
    target.snapshot === undefined
      ? `No deployment record names the snapshot from before the upgrade. Find it (SNAPSHOT) with \`aws rds describe-db-${settings.kind === 'cluster' ? 'cluster-' : ''}snapshots --db-${settings.kind}-identifier ${settings.id}\`.`
      : `The snapshot from before the upgrade is \`${snapshot}\`.`
  return {
    what: `Restore PostgreSQL's snapshot as a second ${settings.kind}, ${copyOf(settings.id)}. ${which} Nothing that runs is touched. The copy has the passwords of the snapshot's time, and no custom endpoints, IAM roles or alarms.`,
    script: restoreBeside({ settings, snapshot, version }),
  }
}

export function filesBeside(files: RestorableFiles): Draft {
  const which =
    files.recoveryPoint === undefined
      ? `No deployment record names it: find it (RECOVERY_POINT) with \`aws backup list-recovery-points-by-resource --resource-arn\` and the ARN of ${files.fileSystem}.`
      : 'Nothing that runs is touched.'
  return {
    what: `Restore the recovery point of ClickHouse's files in AWS Backup. They come into a directory \`aws-backup-restore_…\` of ${files.fileSystem}. ${which}`,
    script: restoreFiles(files),
  }
}

export function swapDatabase({ settings }: Parts): Draft {
  const { kind, id } = settings
  return {
    what: `Swap the names of the two ${kind}s, so that endpoint, secrets and password stay the same. Data written to PostgreSQL since the snapshot is then only in ${keptAs(id)}. Do not run \`terraform apply\` from here to the Terraform step.`,
    script: swapNames(settings),
  }
}

export function swapFiles({ stack, files }: Parts): readonly Draft[] {
  if (files === undefined) return []
  const root = files.directory === '' ? 'root directory' : `directory /${files.directory}`
  return [
    {
      what: `Stop ClickHouse, move the restored files to its ${root} with a one-off task, and start ClickHouse again. What was there goes to /${KEPT_FILES}. Root directory and access point of its volume stay as they are.`,
      script: [
        ...stopParts(stack, ['clickhouse']),
        ...moveFiles(stack, files, 'restored'),
        ...startParts(stack, ['clickhouse']),
      ],
    },
  ]
}

export const VERIFY: Draft = {
  what: 'Run the verify action. Keep what you will not need any more until it has passed.',
}

/** @param images whether the data from before the restore needs the newer release */
export function ending(parts: Parts, what: What, images = false): readonly Draft[] {
  const { stack, settings, files } = parts
  const newer = images
    ? ' Then run the deploy action with the newer release, because the older one does not start on its schema.'
    : ''
  const back = [
    ...stopParts(stack, what.files ? ['web', 'worker', 'clickhouse'] : ['web', 'worker']),
    ...(what.database ? swapBack(settings) : []),
    ...(what.files && files !== undefined ? moveFiles(stack, files, 'back') : []),
    ...startParts(stack, what.files ? ['web', 'worker', 'clickhouse'] : ['web', 'worker']),
  ]
  const left = [
    ...(what.database ? deleteDatabase(settings, 'before') : []),
    ...(what.files && files !== undefined ? moveFiles(stack, files, 'delete') : []),
  ]
  return [
    VERIFY,
    ...(what.database ? [terraform(settings)] : []),
    {
      what: `Only to go back from this restore: swap everything again. The newer data is then back, and what was written since the restore is not.${newer}`,
      script: back,
    },
    {
      what: 'Delete the data from before the restore when you have confirmed that nothing is missing. RDS keeps a final snapshot.',
      script: left,
    },
  ]
}

function terraform({ kind, id }: DatabaseSettings): Draft {
  const aside = `${keptAs(id)} is in no state: delete it by hand, or import it under an address of its own.`
  const never = `Never add \`snapshot_identifier\`: Terraform would replace the ${kind}. If the plan wants to replace something, do not apply: add that argument to \`ignore_changes\`.`
  const check = ['terraform apply -refresh-only', 'terraform plan -detailed-exitcode']
  return kind === 'cluster'
    ? {
        what: `Show Terraform the restored cluster, in your Terraform directory. Its state knows clusters and their instances by name, so nothing has to be imported or moved. ${never} If somebody applied since the swap, remove the address from the state and import ${id} again. ${aside}`,
        script: check,
      }
    : {
        what: `Show Terraform the restored instance, in your Terraform directory. Since version 5 of the AWS provider, its state knows instances by RDS's resource id, so it still follows the old one: import the restored one instead. ADDRESS is the instance in \`terraform state list\`. ${never} ${aside}`,
        script: ['terraform state rm ADDRESS', `terraform import ADDRESS ${quote(id)}`, ...check],
      }
}
