import type { ReleaseFacts } from '../release/facts.ts'
import { nothingToRestore, type RestoreFacts } from '../stack/observe-restore.ts'
import type { RollbackTarget } from '../stack/rollback-target.ts'
import type { Stack } from '../stack/stack.ts'
import { copyOf, deleteDatabase } from './restore-database.ts'
import { notesOf } from './restore-notes.ts'
import { unreadDatabase, unreadFiles } from './restore-placeholders.ts'
import { startParts, stopParts } from './restore-services.ts'
import {
  beside,
  type Draft,
  ending,
  filesBeside,
  type Parts,
  swapDatabase,
  swapFiles,
  VERIFY,
  wholeSwap,
} from './restore-steps.ts'
import { copyTables } from './restore-tables.ts'
import { NOTHING, type Undo, whyNotImagesOnly, withoutDownSql } from './rollback-class.ts'
import { block } from './shell.ts'

export type RestoreQuestion = {
  readonly stack: Stack
  readonly target: Pick<RollbackTarget, 'snapshot' | 'snapshotOf' | 'recoveryPoint' | 'record'> & {
    readonly release: string
  }
  /** undefined: nothing was observed for it. */
  readonly restore?: RestoreFacts | undefined
}

/** How a person restores from the backups what no SQL brings back, with this stack's own values. */
export type Runbook = {
  readonly stack: Pick<Stack, 'account' | 'region' | 'cluster'>
  readonly release: string
  /** Backups, what is lost, and what a person has to know before the first step: sentences. */
  readonly notes: readonly string[]
  readonly steps: readonly RunbookStep[]
}

export type RunbookStep = {
  /** Sentences, the first of them the title. */
  readonly what: string
  /** For bash; it stops at the first failure. */
  readonly script?: string
  /** Begins an alternative to the steps before it. */
  readonly instead?: string
}

/** One line a step, for a list: what has a script is described in the document. */
export function linesOf({ steps }: Runbook): readonly string[] {
  return steps.map(({ what, script, instead }, index) => {
    const text = script === undefined ? what : titleAndRest(what).title
    const or = instead === undefined ? '' : `${titleAndRest(instead).title} `
    return `Restore ${index + 1}. ${or}${text}`
  })
}

export function titleAndRest(what: string): { readonly title: string; readonly rest: string } {
  const [title = '', ...rest] = what.split(/(?<=\.) (?=[A-Z])/)
  return { title, rest: rest.join(' ') }
}

/** The file of the document, beside the report. */
export const RESTORE_FILE = 'restore.md'

export function runbook(
  question: RestoreQuestion,
  undo: Undo = NOTHING,
  facts?: Pick<ReleaseFacts, 'postgresStep'>,
): Runbook {
  const parts = partsOf(question)
  const tables = facts === undefined ? [] : droppedTables(undo, facts)
  const steps = undo.missing.length === 0 ? tablesRunbook(parts, tables) : wholeRunbook(parts, undo)
  return {
    stack: question.stack,
    release: question.target.release,
    notes: notesOf(parts, undo),
    steps: steps.map(({ script, ...step }) => ({
      ...step,
      ...(script !== undefined && { script: block(question.stack.region, script) }),
    })),
  }
}

function partsOf({
  stack,
  target,
  restore = nothingToRestore('this run did not read it'),
}: RestoreQuestion): Parts {
  const { database, snapshot, files } = restore
  return {
    stack,
    release: target.release,
    settings: database.known ? database.value : unreadDatabase(target.snapshotOf ?? 'cluster'),
    snapshot: target.snapshot ?? 'SNAPSHOT',
    version: snapshot.known ? snapshot.value?.version : undefined,
    files: files.known ? files.value : unreadFiles(stack),
    restore,
    target,
  }
}

/**
 * The newer release dropped tables that the older one needs. Images and schema come first: a web of the newer release
 * that starts on a restored database would migrate it again.
 */
function tablesRunbook(parts: Parts, tables: readonly string[]): readonly Draft[] {
  const { stack, release, settings, files } = parts
  const copy: readonly Draft[] =
    tables.length === 0
      ? []
      : [
          beside(parts),
          {
            what: `Copy the empty tables (${tables.join(', ')}) from ${copyOf(settings.id)}, on a machine in the VPC with \`psql\` and \`pg_dump\` of the server's major version. All other data stays as it is now. Nothing is copied unless every row is: if PostgreSQL names a key that is not present, its row was deleted since the snapshot; delete the rows that refer to it in ${copyOf(settings.id)} and repeat this step.`,
            script: copyTables(stack, settings, tables),
          },
          VERIFY,
          {
            what: `Delete ${copyOf(settings.id)} when you have confirmed that no data is missing.`,
            script: deleteDatabase(settings, 'copy'),
          },
        ]
  return [
    {
      what: `Run this action again with \`to: ${release}\` and \`accept: restore\`. It rolls back the images and both schemas. The tables that the newer release dropped exist again, but are empty.`,
    },
    ...copy,
    {
      ...(tables.length === 0
        ? beside(parts)
        : { what: 'Restore the second database as in step 2, if it is not there.' }),
      instead:
        'Or return to the time of the backups completely. Everything written since then is lost for Langfuse.',
    },
    ...(files === undefined ? [] : [filesBeside(files)]),
    ...wholeSwap(parts, { database: true, files: files !== undefined }),
    ...ending(parts, { database: true, files: files !== undefined }),
  ]
}

/** Migrations without down SQL stay in the databases until these are restored as a whole. */
function wholeRunbook(parts: Parts, undo: Undo): readonly Draft[] {
  const { stack, release, files } = parts
  const what = {
    database: undo.missing.some(name => name.startsWith('postgres/')),
    files: undo.clickhouse.length > 0 && files !== undefined,
  }
  const prepare = [
    ...(what.database ? [beside(parts)] : []),
    ...(what.files && files !== undefined ? [filesBeside(files)] : []),
  ]
  const again = `Run the rollback action with \`to: ${release}\``
  if (whyNotImagesOnly(undo, release).length === 0) {
    return [
      {
        what: `${again} and \`sql: images-only\`. It rolls back the images. The databases keep ${withoutDownSql(undo)}.`,
      },
      ...prepare,
      ...wholeSwap(parts, what),
      ...ending(parts, what),
    ]
  }
  const stop: Draft = {
    what: 'Stop the worker. Do not let the web restart before the rollback action has changed its image: a web of the newer release would migrate a restored database again.',
    script: stopParts(stack, ['worker']),
  }
  const start: Draft = { what: 'Start the worker.', script: startParts(stack, ['worker']) }
  // Prisma ignores rows that it does not know; only ClickHouse's schema keeps the older web from starting.
  const filesOnly = whyNotImagesOnly({ ...undo, clickhouse: [] }, release).length === 0
  if (filesOnly && what.files) {
    return [
      ...prepare,
      stop,
      ...swapFiles(parts),
      {
        what: `${again}${what.database ? ' and `sql: images-only`' : ''}. ClickHouse's restored schema matches this release, so its web starts.`,
      },
      ...(what.database ? wholeSwap(parts, { database: true, files: false }) : [start]),
      ...ending(parts, what, true),
    ]
  }
  return [
    ...prepare,
    stop,
    ...(what.files ? swapFiles(parts) : []),
    ...(what.database ? [swapDatabase(parts)] : []),
    { what: `${again}. The restored schemas match this release, so it rolls back the images.` },
    start,
    ...ending(parts, what, true),
  ]
}

/** The tables that the newer release dropped, for the migrations whose down SQL creates them empty. */
function droppedTables(undo: Undo, facts: Pick<ReleaseFacts, 'postgresStep'>): readonly string[] {
  const empty = undo.sql.filter(({ class: kind }) => kind === 'restore' || kind === 'lossy')
  const names = new Set(undo.postgres)
  const tables = empty.flatMap(({ migration }) =>
    names.has(migration) ? Object.keys(facts.postgresStep(migration).removed) : [],
  )
  return tables.flatMap(key => /^table public\.(.+)$/.exec(key)?.[1] ?? []).sort()
}
