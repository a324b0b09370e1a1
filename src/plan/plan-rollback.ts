import type { RollbackConfig } from '../inputs/config.ts'
import { clickhouseName, type ReleaseFacts } from '../release/facts.ts'
import { compareVersions } from '../release/release.ts'
import { NO_DEPENDENTS } from '../stack/observe-dependents.ts'
import type { RollbackTarget } from '../stack/rollback-target.ts'
import { currentRelease, type Observed, type Stack } from '../stack/stack.ts'
import { notesOf, refusalsOf } from './dependents.ts'
import { eventsFindings, losesIngestion } from './env-lint-events.ts'
import { subjectOf } from './env-lint-subject.ts'
import { CHANGES_NOTHING } from './goes-back.ts'
import { ecsStep, webStep } from './image-steps.ts'
import { givenBack, losesOnlyWritten, wholeIn, withKept, withoutWritten } from './kept-data.ts'
import { meaningOf } from './losses.ts'
import { amountOf, componentName, makePlan, type Plan, type Refill, type Refusal, type Step } from './plan.ts'
import { mayBeCopying, refillNote, refillOf, refillWarning } from './plan-background.ts'
import { keptBefore } from './plan-keep.ts'
import {
  commonProblems,
  commonWarnings,
  contradictionIn,
  type MissingImage,
  unprovenStore,
} from './preflight.ts'
import { downgradedClickHouse } from './preflight-release.ts'
import {
  classOf,
  imagesGoAlone,
  isNothing,
  NOTHING,
  needsAccept,
  type Renamed,
  type Repair,
  type RollbackQuestion,
  repairFrom,
  type Undo,
  undoFrom,
  whyNotImagesOnly,
  withoutDownSql,
} from './rollback-class.ts'
import { linesOf, runbook } from './runbook.ts'

/** Decides a rollback: expand, images, contract; or every reason to refuse it. Pure. */
export function planRollback(question: RollbackQuestion): Plan | Refusal {
  const { config, stack, target, targets, facts } = question
  const from = currentRelease(stack, facts)
  const wrongTarget = releaseProblem(question)
  const repair = repairFrom(question)
  const undo = undoSeen(question, repair)
  const kept = config.sql === 'auto' ? keptBefore(stack, facts) : []
  const problems =
    wrongTarget !== undefined
      ? [wrongTarget]
      : [
          ...contradictionIn(question).problems,
          ...undoProblems(question, undo, repair),
          kept.length === 0 ? [] : (unprovenStore('postgres', stack) ?? []),
          ...modesOf(question).problems,
          ...commonProblems(stack, targets, {
            repaired: new Set([...repair.finish, ...repair.forget]),
            missing: goneImage(target),
          }),
        ].flat()
  if (problems.length > 0) {
    const needsRestore = wrongTarget === undefined && config.sql === 'auto' && classOf(undo) === 'restore'
    if (!needsRestore) return { kind: 'refusal', from, to: target.release, problems }
    const restore = runbook(question, undo, facts)
    return { kind: 'refusal', from, to: target.release, problems, next: linesOf(restore), restore }
  }
  const undone = config.sql === 'auto' ? undo : NOTHING
  const pending = pendingOf(stack, target.release, facts)
  const refill = refillOf([...undone.clickhouse, ...pending.clickhouse], stack, target.release, facts)
  const steps = [
    ...kept,
    ...expand(undone, repair, target.release, refill),
    ...imageSteps(question),
    ...contract(undone, pending, refill),
    ...validate(undone, pending),
  ]
  const rollbackClass = classOf(undone)
  return makePlan(stack, {
    action: 'rollback',
    from,
    to: target.release,
    rollbackClass,
    goesBack: steps.length === 0 ? CHANGES_NOTHING : { ...STOPS, instead: resume(from) },
    steps,
    warnings: [...warnings(question, undo), ...refillWarning(refill, target.release)],
    losses: [
      ...meaningOf({ undo: undone, from, to: target.release, counted: question.counted ?? [] }, facts),
      ...givenBack(undone, stack, wholeIn(stack, facts)),
      ...refillNote(refill),
    ],
    ...(rollbackClass === 'restore' && { restore: runbook(question, undo, facts) }),
  })
}

/** The undo with the classes that its data shows. */
function undoSeen(question: RollbackQuestion, repair: Repair): Undo {
  const undo = withKept(undoFrom(question, repair), wholeIn(question.stack, question.facts))
  return withoutWritten(undo, question.counted ?? [])
}

/**
 * The rollback after a failed deploy. For migrations without down SQL it changes only the images, and only where the
 * older release is known to start; else it is a refusal with restore steps. What the URL reports never stops it. Pure.
 */
export function planUndo(asked: RollbackQuestion): Plan | Refusal {
  const undo = undoSeen(asked, repairFrom(asked))
  const accept = new Set([
    ...asked.config.accept,
    'contradiction',
    ...(losesOnlyWritten(undo) ? ['lossy', 'restore'] : []),
  ])
  const question = { ...asked, config: { ...asked.config, accept }, afterFailure: true }
  const whole = planRollback(question)
  if (!imagesGoAlone(undo, question.stack)) return whole
  const alone = planRollback({ ...question, config: { ...question.config, sql: 'images-only' } })
  if (alone.kind === 'refusal') return whole
  const why = `This rollback changes only the images, because no reviewed down SQL exists for ${withoutDownSql(undo)}.`
  return { ...alone, warnings: [...alone.warnings, why] }
}

export const STOPS = { answer: 'no', because: 'a rollback that fails stops at that step.' } as const

function resume(from: string | undefined): string {
  const forward = from === undefined ? '' : ` To go forward again instead, deploy ${from}.`
  return `Fix the cause and re-run it: it resumes.${forward}`
}

function releaseProblem({ stack, target, facts }: RollbackQuestion): string | undefined {
  const from = currentRelease(stack, facts)
  const wanted = facts.release(target.release)
  if (wanted === undefined) {
    const [first, last] = [facts.releases[0]?.version, facts.releases.at(-1)?.version]
    return `Langfuse ${target.release} is not in this action's catalog, so the migrations to undo are unknown. Set \`to\` to a release from ${first} to ${last}, or use a newer version of this action.`
  }
  if (wanted.mislabelled !== undefined) {
    return `The images of Langfuse ${target.release} contain ${wanted.mislabelled}: they were published under a wrong tag. Set \`to\` to the release before or after it.`
  }
  if (!stack.postgres.known && (from === undefined || facts.release(from) === undefined)) {
    const running =
      from === undefined
        ? 'no image shows which release is running'
        : `Langfuse ${from} is running, which is not in this action's catalog`
    return `The migrations to undo are unknown: ${running}, and ${stack.postgres.reason}. Give this run access to the databases, or use a newer version of this action.`
  }
  if (from !== undefined && compareVersions(target.release, from) > 0) {
    return `Langfuse ${from} is running, and ${target.release} is newer. A rollback never upgrades. Use the deploy action with \`version: ${target.release}\`.`
  }
  return undefined
}

/**
 * Settings that need tables which this rollback takes away. A rollback changes no variable, so a person does it before.
 * After a failed deploy it only warns: the older release had the same variables before.
 */
function modesOf({ config, stack, target, facts, afterFailure = false }: RollbackQuestion): {
  readonly problems: readonly string[]
  readonly warnings: readonly string[]
} {
  const subject = subjectOf(stack, target.release, facts, config.sql === 'auto')
  const sentences = subject === undefined ? [] : eventsFindings(subject).map(({ sentence }) => sentence)
  return subject !== undefined && losesIngestion(subject) && !afterFailure
    ? { problems: sentences, warnings: [] }
    : { problems: [], warnings: sentences }
}

/** ECR's lifecycle policies count images of any tag, so the older image may have expired. */
function goneImage({ release }: RollbackTarget): MissingImage {
  const repositories = { web: 'langfuse/langfuse', worker: 'langfuse/langfuse-worker' }
  return (component, { asked }) => {
    const [repository = asked] = asked.split(/[@]|:(?!.*\/)/)
    const copy =
      component === 'clickhouse'
        ? 'Push it again'
        : `Copy it again with \`docker buildx imagetools create --tag ${repository}:${release} docker.io/${repositories[component]}:${release}\``
    return `The ${componentName(component)} image \`${asked}\` of the older release is not in its repository. It was never pushed there, or a lifecycle policy deleted it. ${copy}, then run again with \`to: ${release}\`.`
  }
}

function undoProblems(
  { config, stack, target, dependents = NO_DEPENDENTS }: RollbackQuestion,
  undo: Undo,
  repair: Repair,
): readonly string[] {
  if (config.sql === 'images-only') return whyNotImagesOnly(undo, target.release)
  return [
    ...unreachable(stack, undo, repair),
    ...withoutSql(undo),
    ...refusalsOf(dependents),
    ...(undo.clickhouse.length === 0 ? [] : clustered(stack)),
    ...(config.dryRun ? [] : notAccepted(config, undo)),
  ]
}

function unreachable(stack: Stack, undo: Undo, repair: Repair): readonly string[] {
  const all = undo.postgres.length + undo.clickhouse.length + undo.renamed.to.length
  const rows = all + undo.renamed.from.length + repair.finish.length + repair.forget.length
  return [
    cannotUndo(all, 'migration', stack.postgres),
    cannotUndo(undo.clickhouse.length, 'ClickHouse migration', stack.clickhouseStore),
    rows === 0 ? [] : (unprovenStore('postgres', stack) ?? []),
    undo.clickhouse.length === 0 ? [] : (unprovenStore('clickhouse', stack) ?? []),
    rows === 0 ? [] : otherSchema(stack),
  ].flat()
}

/** Down SQL is written for, and proven on, schema public. */
function otherSchema({ probe: { identity } }: Stack): readonly string[] {
  if (!identity.known || identity.value.schema === 'public') return []
  return [
    `Langfuse's tables are in schema \`${identity.value.schema}\`, but this action's down SQL works only in schema \`public\`. Restore PostgreSQL from a snapshot instead, or set \`sql: images-only\`.`,
  ]
}

/** Langfuse's tables are then replicated, and its DDL runs ON CLUSTER. */
function clustered({ web, worker }: Stack): readonly string[] {
  const values = [web.environment, worker.container.environment].map(
    each => each['CLICKHOUSE_CLUSTER_ENABLED'],
  )
  if (!values.includes('true')) return []
  return [
    '`CLICKHOUSE_CLUSTER_ENABLED` is true, but this action changes one ClickHouse server only, so the others would keep the newer schema. Restore ClickHouse from a backup, or set it to false where ClickHouse is a single server.',
  ]
}

function cannotUndo(count: number, what: string, store: Observed<unknown>): readonly string[] {
  return count === 0 || store.known ? [] : [`Cannot undo ${amountOf(count, what)}: ${store.reason}.`]
}

function withoutSql(undo: Undo): readonly string[] {
  if (undo.missing.length === 0) return []
  return [
    `No reviewed down SQL exists for ${withoutDownSql(undo)}, so this action cannot undo it. Follow the restore steps in the job summary.`,
  ]
}

function notAccepted(config: RollbackConfig, undo: Undo): readonly string[] {
  const rollbackClass = classOf(undo)
  if (undo.missing.length > 0 || !needsAccept(rollbackClass) || config.accept.has(rollbackClass)) return []
  const files = undo.sql.filter(file => file.class === rollbackClass)
  const losses = files.map(file => `${file.migration}: ${file.loses}`).join('; ')
  return [
    `This rollback has class \`${rollbackClass}\` (${losses}). Set \`accept: ${rollbackClass}\` to accept this. ${MAY_FAIL}`,
  ]
}

/** A dry run without `accept` shows the plan too. */
function riskOf(config: RollbackConfig, undo: Undo): readonly string[] {
  const missing = notAccepted(config, undo)
  return missing.length > 0 ? missing : [MAY_FAIL]
}

export const MAY_FAIL =
  'Requests may fail during this rollback. The site stays up only during rollbacks of class `images` or `schema`.'

/** What an interrupted run left to do: only the journal still shows it. */
type Pending = { readonly clickhouse: readonly number[]; readonly postgres: readonly string[] }

function pendingOf(stack: Stack, to: string, facts: ReleaseFacts): Pending {
  if (!stack.postgres.known) return { clickhouse: [], postgres: [] }
  const { pending } = stack.postgres.value
  const head = facts.release(to)?.clickhouseHead ?? 0
  const of = (store: 'postgres' | 'clickhouse', phase: 'expand' | 'contract') =>
    pending.filter(row => row.store === store && row.phase === phase).map(row => row.migration)
  return {
    clickhouse: of('clickhouse', 'expand')
      .map(Number)
      .filter(version => version > head),
    postgres: of('postgres', 'contract'),
  }
}

function expand(undo: Undo, repair: Repair, to: string, refill: Refill): readonly Step[] {
  const { finish, forget } = repair
  const repairs = finish.length + forget.length > 0
  if (isNothing(undo) && !repairs) return []
  const { postgres, clickhouse, clickhouseHead, renamed } = undo
  const reason = `Recreate the schema that Langfuse ${to} needs. The newer release keeps working${ofWhat(undo)}.`
  const step = { kind: 'undo-schema', phase: 'expand', postgres, clickhouse, clickhouseHead, reason } as const
  return [
    {
      ...step,
      ...(repairs && { repair: { finish, forget } }),
      ...withRenamed(renamed),
      ...withRefill(refill),
    },
  ]
}

function contract(undo: Undo, pending: Pending, refill: Refill): readonly Step[] {
  const clickhouse = [...new Set([...undo.clickhouse, ...pending.clickhouse])].sort((a, b) => b - a)
  if (isNothing({ ...undo, clickhouse })) return []
  const reason = `Archive and repair rows in small batches, then drop what only the newer release needs. No task of the newer release runs now${ofWhat({ ...undo, clickhouse })}.`
  const { postgres, renamed } = undo
  const step = { kind: 'undo-schema', phase: 'contract', postgres, clickhouse, reason } as const
  return [{ ...step, clickhouseHead: undefined, ...withRenamed(renamed), ...withRefill(refill) }]
}

function ofWhat({ postgres, clickhouse }: Pick<Undo, 'postgres' | 'clickhouse'>): string {
  const span = (what: string, names: readonly string[]) => {
    const [first, last] = [names[0], names.at(-1)]
    if (first === undefined) return []
    return `${amountOf(names.length, what)}, ${first === last ? first : `${first} first and ${last} last`}`
  }
  const parts = [
    span('Postgres migration', postgres),
    span('ClickHouse migration', clickhouse.map(clickhouseName)),
  ].flat()
  return parts.length === 0 ? '' : ` (${parts.join('; ')})`
}

function withRenamed(renamed: Renamed): { readonly renamed?: Renamed } {
  return renamed.from.length + renamed.to.length === 0 ? {} : { renamed }
}

function withRefill(refill: Refill): { readonly refill?: Refill } {
  return refill.open.length + refill.hold.length === 0 ? {} : { refill }
}

function validate(undo: Undo, pending: Pending): readonly Step[] {
  const postgres = [...new Set([...undo.postgres, ...pending.postgres])]
  if (postgres.length === 0) return []
  const reason = 'Validate the recreated constraints. Reads and writes continue meanwhile.'
  return [
    { kind: 'undo-schema', phase: 'validate', postgres, clickhouse: [], clickhouseHead: undefined, reason },
  ]
}

/**
 * Images in the reverse of deploy's order: web, ClickHouse, worker. The worker is before ClickHouse if it may be running
 * background migrations, which fail when ClickHouse stops.
 */
function imageSteps(question: RollbackQuestion): readonly Step[] {
  const { stack, targets } = question
  const [worker, clickhouse] = [stack.worker, stack.clickhouse].map(component =>
    ecsStep(component, targets[component.component]),
  )
  if (worker === undefined || clickhouse === undefined || !mayBeCopying(stack))
    return [webStep(question), clickhouse, worker].filter(step => step !== undefined)
  const reason = `${clickhouse.reason} ClickHouse goes back last, because the worker may be running background migrations, and they fail when ClickHouse stops.`
  return [webStep(question) ?? [], worker, { ...clickhouse, reason }].flat()
}

function aheadBefore({ release, migrations }: RollbackTarget): readonly string[] {
  const ahead = migrations?.postgresAhead ?? []
  if (ahead.length === 0) return []
  const stay = ahead.length === 1 ? 'stays' : 'stay'
  return [
    `${amountOf(ahead.length, 'Postgres migration')} that Langfuse ${release} does not know ${stay} applied, because this was so before the deploy: ${ahead.join(', ')}.`,
  ]
}

function warnings(question: RollbackQuestion, undo: Undo): readonly string[] {
  const { config, stack, target, targets, dependents = NO_DEPENDENTS } = question
  const [from, to] = [stack.clickhouse.image.version, targets.clickhouse?.version]
  const stays = config.sql === 'images-only' ? undo.postgres.length : 0
  const are = stays === 1 ? ['stays', 'it'] : ['stay', 'they']
  return [
    target.warnings,
    modesOf(question).warnings,
    contradictionIn(question).warnings,
    commonWarnings(stack, targets),
    config.sql === 'images-only' ? [] : aheadBefore(target),
    from && to && compareVersions(to, from) < 0 ? downgradedClickHouse(from, to) : [],
    config.sql === 'images-only' || !needsAccept(classOf(undo)) ? [] : riskOf(config, undo),
    config.sql === 'images-only' ? [] : notesOf(dependents, question.facts),
    stays === 0
      ? []
      : `${amountOf(stays, 'Postgres migration')} ${are[0]} applied. Langfuse ${target.release} may need objects that ${are[1]} removed.`,
  ].flat()
}
