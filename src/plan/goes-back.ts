import type { DeployConfig } from '../inputs/config.ts'
import type { ReleaseFacts } from '../release/facts.ts'
import { ecrRepository } from '../release/image.ts'
import type { Dependents } from '../stack/observe-dependents.ts'
import type { Stack } from '../stack/stack.ts'
import { obstacleIn } from './dependents.ts'
import { losesOnlyWritten } from './kept-data.ts'
import { amountOf, type GoesBack, type Step } from './plan.ts'
import { unprovenStore } from './preflight.ts'
import {
  classOf,
  imagesGoAlone,
  isNothing,
  needsAccept,
  needsPostgres,
  type Undo,
  withoutDownSql,
} from './rollback-class.ts'

type GoesBackQuestion = {
  readonly config: Pick<DeployConfig, 'onFailure' | 'accept' | 'backup' | 'version'>
  readonly stack: Stack
  readonly steps: readonly Step[]
  readonly facts: ReleaseFacts
  readonly from: string | undefined
  /** What takes the databases back from the target to `from`. */
  readonly undo: Undo
  /** What hangs on the objects that it would touch; undefined: not asked. */
  readonly dependents?: Dependents | undefined
}

/** Whether a deploy that fails undoes its own changes, by the rules of `planUndo`. Pure. */
export function goesBackOf(question: GoesBackQuestion): GoesBack {
  const { config, steps, from, stack, undo } = question
  if (steps.length === 0) return CHANGES_NOTHING
  const obstacle = obstacleOf(question)
  if (obstacle === undefined) {
    return { answer: 'yes', because: howOf(undo, from ?? '', stack), instead: exceptionsOf(steps) }
  }
  const { because, instead, onlyAfterMigrations } = obstacle
  const before =
    onlyAfterMigrations && steps.some(({ kind }) => kind === 'migrate')
      ? ' A failure before the migrations still goes back.'
      : ''
  const again =
    config.onFailure === 'stop' || from === undefined ? '' : ' Or fix the cause and re-run this deploy.'
  return { answer: 'no', because, instead: `${instead}${again}${before}` }
}

export const CHANGES_NOTHING: GoesBack = {
  answer: 'yes',
  because: 'it changes nothing.',
  instead: '',
}

type Obstacle = {
  readonly because: string
  readonly instead: string
  /** As long as no migration has run, the images go back. */
  readonly onlyAfterMigrations: boolean
}

function obstacleOf(question: GoesBackQuestion): Obstacle | undefined {
  const { config, stack, undo, from } = question
  if (config.onFailure === 'stop') {
    const instead = `Fix the cause and re-run this deploy, or ${rollbackTo(from)}.`
    return { because: '`on-failure` is `stop`.', instead, onlyAfterMigrations: false }
  }
  const release = unknownRelease(question)
  if (from === undefined || release !== undefined) {
    const because = release ?? 'the running release is unknown.'
    return { because, instead: `After a failure, ${rollbackTo(undefined)}.`, onlyAfterMigrations: false }
  }
  return (
    goneImage(stack, from) ??
    unreached(stack, undo, from) ??
    unproven(stack, undo, from) ??
    (imagesGoAlone(undo, stack)
      ? undefined
      : (withoutFiles(undo, from) ?? notAccepted(question, from) ?? hindered(question, from)))
  )
}

/** For the middle of a sentence. */
export function rollbackTo(from: string | undefined, inputs = ''): string {
  const to = from === undefined ? '`to` set to the release that ran before' : `\`to: ${from}\``
  return `run the rollback action with ${to}${inputs}`
}

function unknownRelease({ from, facts }: GoesBackQuestion): string | undefined {
  if (from === undefined) return undefined
  const release = facts.release(from)
  if (release === undefined) return `this action's catalog does not know the running release, ${from}.`
  if (release.mislabelled === undefined) return undefined
  return `the images of ${from} contain ${release.mislabelled}: they were published under a wrong tag.`
}

/** ECR was read, and the digest that runs is not there any more. */
function goneImage({ web, worker, clickhouse }: Stack, from: string): Obstacle | undefined {
  const gone = [web, worker, clickhouse].filter(
    ({ image }) =>
      image.tags === undefined && image.unseen === undefined && ecrRepository(image.repository) !== undefined,
  )
  if (gone.length === 0) return undefined
  const names = gone.map(({ component }) => component).join(' and ')
  return {
    because: `the image that ${names} runs is not in its registry any more.`,
    instead: `Push the image of ${from} again before you approve.`,
    onlyAfterMigrations: false,
  }
}

function unreached({ postgres, clickhouseStore }: Stack, undo: Undo, from: string): Obstacle | undefined {
  const names = [
    needsPostgres(undo) && !postgres.known ? ['PostgreSQL'] : [],
    undo.clickhouse.length > 0 && !clickhouseStore.known ? ['ClickHouse'] : [],
  ].flat()
  if (names.length === 0) return undefined
  const stores = names.join(' and ')
  return {
    because: `this run does not reach ${stores}, so it cannot undo migrations.`,
    instead: `Give this run access to ${stores}, or after a failure ${rollbackTo(from)} where it has access.`,
    onlyAfterMigrations: true,
  }
}

/** The migrations run with the worker's own settings; only their undo would use this run's connection. */
function unproven(stack: Stack, undo: Undo, from: string): Obstacle | undefined {
  const [because] = [
    needsPostgres(undo) ? (unprovenStore('postgres', stack) ?? []) : [],
    undo.clickhouse.length > 0 ? (unprovenStore('clickhouse', stack) ?? []) : [],
  ].flat()
  if (because === undefined) return undefined
  return {
    because: because.replace(/^N/, 'n'),
    instead: `Or after a failure, ${rollbackTo(from, ' and `network: task`')}.`,
    onlyAfterMigrations: true,
  }
}

function withoutFiles(undo: Undo, from: string): Obstacle | undefined {
  if (undo.missing.length === 0) return undefined
  return {
    because: `no reviewed down SQL exists for ${withoutDownSql(undo)}.`,
    instead: `After a failure, ${rollbackTo(from)}: it lists how to restore the backup.`,
    onlyAfterMigrations: true,
  }
}

function notAccepted({ config, undo }: GoesBackQuestion, from: string): Obstacle | undefined {
  const rollbackClass = classOf(undo)
  if (!needsAccept(rollbackClass) || config.accept.has(rollbackClass) || losesOnlyWritten(undo))
    return undefined
  const accepting = rollbackTo(from, ` and \`accept: ${rollbackClass}\``)
  if (rollbackClass === 'lossy') {
    return {
      because: 'undoing its migrations loses data (class `lossy`).',
      instead: `To let it go back, set \`accept: lossy\`. Otherwise, after a failure, ${accepting}.`,
      onlyAfterMigrations: true,
    }
  }
  const snapshot = config.backup
    ? 'the snapshot that this deploy takes'
    : 'your own backup, because `backup` is `false`'
  return {
    because: `Langfuse ${config.version} deletes data that ${from} needs (class \`restore\`).`,
    instead: `After a failure, ${accepting}. Then restore the deleted data from ${snapshot}.`,
    onlyAfterMigrations: true,
  }
}

function hindered({ dependents }: GoesBackQuestion, from: string): Obstacle | undefined {
  const found = dependents === undefined ? undefined : obstacleIn(dependents)
  if (found === undefined) return undefined
  const clear = found.ways.length === 0 ? '' : `Run ${found.ways.join(' and ')} before you approve. `
  const instead = `${clear}After a failure, ${rollbackTo(from)}: it changes nothing while this is in its way.`
  return { because: found.because, instead, onlyAfterMigrations: true }
}

function howOf(undo: Undo, from: string, stack: Stack): string {
  if (isNothing(undo)) return 'only the images change.'
  if (imagesGoAlone(undo, stack)) {
    return `Langfuse ${from} starts although ${withoutDownSql(undo)} stays applied: only the images go back.`
  }
  const count = amountOf(undo.postgres.length + undo.clickhouse.length, 'migration')
  if (needsAccept(classOf(undo)) && losesOnlyWritten(undo))
    return `it can undo ${count}. What only the new release writes until then stays in the archive, and Langfuse ${from} does not show it.`
  if (needsAccept(classOf(undo))) return `\`accept\` lets it undo ${count}, which loses data.`
  return `it can undo ${count} without losing data.`
}

/** What no rollback undoes: half a migration, and background migrations that a person asked for. */
function exceptionsOf(steps: readonly Step[]): string {
  const kinds = new Set(steps.map(({ kind }) => kind))
  return [
    kinds.has('migrate') ? 'If a migration stops halfway, a person must repair it first.' : [],
    kinds.has('rerun-background-migrations')
      ? 'If only the re-run of background migrations fails, the new release stays.'
      : [],
  ]
    .flat()
    .join(' ')
}
