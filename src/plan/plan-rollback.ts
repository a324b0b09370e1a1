import type { RollbackConfig } from '../inputs/config.ts'
import type { ReleaseFacts } from '../release/facts.ts'
import { clickhouseName } from '../release/facts.ts'
import { compareVersions } from '../release/release.ts'
import type { RollbackTarget } from '../stack/rollback-target.ts'
import type { Stack } from '../stack/stack.ts'
import { currentRelease } from '../stack/stack.ts'
import type { Targets } from '../stack/targets.ts'
import { ecsStep, webStep } from './image-steps.ts'
import { meaningOf } from './losses.ts'
import type { Plan, Refusal, RollbackClass, Step } from './plan.ts'
import { amountOf, componentName, makePlan } from './plan.ts'
import { commonProblems, commonWarnings, type MissingImage } from './preflight.ts'
import {
  classOf,
  isNothing,
  NOTHING,
  type Renamed,
  type Repair,
  type RollbackQuestion,
  repairFrom,
  type Undo,
  undoFrom,
  whyNotImagesOnly,
  withoutDownSql,
} from './rollback-class.ts'
import { runbook } from './runbook.ts'

/** Decides a rollback: expand, images, contract; or everything that stands in its way. Pure. */
export function planRollback(question: RollbackQuestion): Plan | Refusal {
  const { config, stack, target, targets, facts } = question
  const from = currentRelease(stack, facts)
  const release = releaseProblems(question)
  const repair = repairFrom(question)
  const undo = undoFrom(question, repair)
  const problems =
    release.length > 0
      ? release
      : [
          ...undoProblems(question, undo),
          ...commonProblems(stack, targets, {
            repaired: new Set([...repair.finish, ...repair.forget]),
            missing: goneImage(target),
          }),
        ]
  if (problems.length > 0) {
    const needsRestore = release.length === 0 && config.sql === 'auto' && classOf(undo) === 'restore'
    return {
      kind: 'refusal',
      from,
      to: target.release,
      problems,
      next: needsRestore ? runbook(question, undo) : [],
    }
  }
  const undone = config.sql === 'auto' ? undo : NOTHING
  const pending = pendingOf(stack, target.release, facts)
  return makePlan({
    action: 'rollback',
    from,
    to: target.release,
    rollbackClass: classOf(undone),
    steps: [
      ...expand(undone, repair, target.release),
      ...imageSteps(question),
      ...contract(undone, pending),
      ...validate(undone, pending),
    ],
    warnings: warnings(question, undo),
    losses: meaningOf(
      { undo: undone, way: { from, to: target.release }, counted: question.counted ?? [] },
      facts,
    ),
  })
}

/**
 * What brings back what ran before a deploy that failed. Over migrations without down SQL only the images go back, and
 * only where the older release is known to start; else it is refused with what to restore. Pure.
 */
export function planUndo(question: RollbackQuestion): Plan | Refusal {
  const undo = undoFrom(question, repairFrom(question))
  const whole = planRollback(question)
  const { postgres, clickhouseStore } = question.stack
  const startsWithout = undo.sql.every(({ sections }) => sections.expand === '')
  if (undo.missing.length === 0 || !startsWithout || !postgres.known || !clickhouseStore.known) return whole
  const alone = planRollback({ ...question, config: { ...question.config, sql: 'images-only' } })
  if (alone.kind === 'refusal') return whole
  const why = `Only the images go back, because there is no reviewed down SQL for ${withoutDownSql(undo)}.`
  return { ...alone, warnings: [...alone.warnings, why] }
}

function releaseProblems({ stack, target, facts }: RollbackQuestion): readonly string[] {
  const from = currentRelease(stack, facts)
  const wanted = facts.release(target.release)
  if (wanted === undefined) {
    const [first, last] = [facts.releases[0]?.version, facts.releases.at(-1)?.version]
    return [
      `Langfuse ${target.release} is not in this version's catalog, so what to undo is not known: write a release from ${first} to ${last} in \`to\`, or use a newer version of this action.`,
    ]
  }
  if (wanted.mislabelled !== undefined) {
    return [
      `The images of Langfuse ${target.release} hold ${wanted.mislabelled} under a wrong name: write the release before or after it in \`to\`.`,
    ]
  }
  if (!stack.postgres.known && (from === undefined || facts.release(from) === undefined)) {
    return [
      `Langfuse ${from ?? 'of an unknown release'} runs, which is not in this version's catalog, and ${stack.postgres.reason}: what to undo is not known, so give access to the databases, or use a newer version of this action.`,
    ]
  }
  if (from !== undefined && compareVersions(target.release, from) > 0) {
    return [
      `Langfuse ${from} runs, and ${target.release} is newer: a rollback never goes forward, use the deploy action with \`version: ${target.release}\`.`,
    ]
  }
  return []
}

/** ECR's lifecycle policies count images of any tag, so the one to go back to may have expired. */
function goneImage({ release }: RollbackTarget): MissingImage {
  const repositories = { web: 'langfuse/langfuse', worker: 'langfuse/langfuse-worker' }
  return (component, { asked }) => {
    const [repository = asked] = asked.split(/[@]|:(?!.*\/)/)
    const copy =
      component === 'clickhouse'
        ? 'push it again'
        : `bring it back with \`docker buildx imagetools create --tag ${repository}:${release} docker.io/${repositories[component]}:${release}\``
    return `The ${componentName(component)} image to go back to, \`${asked}\`, is not in its repository: it was never pushed there, or a lifecycle policy has expired it. First ${copy}, then run again with \`to: ${release}\`.`
  }
}

function undoProblems({ config, stack, target }: RollbackQuestion, undo: Undo): readonly string[] {
  if (config.sql === 'images-only') return whyNotImagesOnly(undo, target.release)
  return [...unreachable(stack, undo), ...withoutSql(undo), ...notAccepted(config, undo)]
}

function unreachable(stack: Stack, undo: Undo): readonly string[] {
  const problems: string[] = []
  const count = undo.postgres.length + undo.clickhouse.length + undo.renamed.to.length
  // ClickHouse's migrations need PostgreSQL too: the journal of a rollback is there.
  if (count > 0 && !stack.postgres.known) {
    problems.push(`${have(count, 'migration')} to be undone, but ${stack.postgres.reason}.`)
  }
  if (undo.clickhouse.length > 0 && !stack.clickhouseStore.known) {
    problems.push(
      `${have(undo.clickhouse.length, 'ClickHouse migration')} to be undone, but ${stack.clickhouseStore.reason}.`,
    )
  }
  return problems
}

function have(count: number, what: string): string {
  return `${amountOf(count, what)} ${count === 1 ? 'has' : 'have'}`
}

function withoutSql(undo: Undo): readonly string[] {
  if (undo.missing.length === 0) return []
  return [
    `There is no reviewed down SQL for ${withoutDownSql(undo)}: no input makes this action undo it. Follow the restore steps in the job summary, or use a newer version of this action that has the SQL.`,
  ]
}

function notAccepted(config: RollbackConfig, undo: Undo): readonly string[] {
  const rollbackClass = classOf(undo)
  if (undo.missing.length > 0 || !needsAccept(rollbackClass) || config.accept.has(rollbackClass)) return []
  const files = undo.sql.filter(file => file.class === rollbackClass)
  const losses = files.map(file => `${file.migration}: ${file.loses}`).join('; ')
  return [
    `This rollback is of class \`${rollbackClass}\` (${losses}): write \`accept: ${rollbackClass}\` to take that. ${MAY_FAIL}`,
  ]
}

/** Proven by scenarios only where the older release finds everything that it lives from. */
const MAY_FAIL =
  'While such a rollback goes on, requests to the site may fail; only in the classes `images` and `schema` it stays up.'

function needsAccept(rollbackClass: RollbackClass): boolean {
  return rollbackClass === 'lossy' || rollbackClass === 'restore'
}

/** What an earlier run, killed half-way, left to do: it is in the journal and no longer in the difference. */
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

function expand(undo: Undo, repair: Repair, to: string): readonly Step[] {
  const { finish, forget } = repair
  const repairs = finish.length + forget.length > 0
  if (isNothing(undo) && !repairs) return []
  const { postgres, clickhouse, clickhouseHead, renamed } = undo
  const reason = `Recreate what Langfuse ${to} needs, while the newer release still works${ofWhat(undo)}.`
  return [
    {
      kind: 'undo-schema',
      phase: 'expand',
      postgres,
      clickhouse,
      clickhouseHead,
      ...(repairs && { repair: { finish, forget } }),
      ...withRenamed(renamed),
      reason,
    },
  ]
}

function contract(undo: Undo, pending: Pending): readonly Step[] {
  const clickhouse = [...new Set([...undo.clickhouse, ...pending.clickhouse])].sort((a, b) => b - a)
  if (isNothing({ ...undo, clickhouse })) return []
  const reason = `Archive and repair rows in small parts, then drop what only the newer release had: nothing of it runs any more${ofWhat({ ...undo, clickhouse })}.`
  return [
    {
      kind: 'undo-schema',
      phase: 'contract',
      postgres: undo.postgres,
      clickhouse,
      clickhouseHead: undefined,
      ...withRenamed(undo.renamed),
      reason,
    },
  ]
}

/** How many migrations, and in which order. */
function ofWhat({ postgres, clickhouse }: Pick<Undo, 'postgres' | 'clickhouse'>): string {
  const span = (count: number, what: string, names: readonly (string | number)[]) => {
    const [first, last] = [names[0], names.at(-1)]
    if (count === 0) return []
    return [`${amountOf(count, what)}, ${first === last ? first : `${first} first and ${last} last`}`]
  }
  const parts = [
    ...span(postgres.length, 'Postgres migration', postgres),
    ...span(clickhouse.length, 'ClickHouse migration', clickhouse.map(clickhouseName)),
  ]
  return parts.length === 0 ? '' : ` (${parts.join('; ')})`
}

function withRenamed(renamed: Renamed): { readonly renamed?: Renamed } {
  return renamed.from.length + renamed.to.length === 0 ? {} : { renamed }
}

function validate(undo: Undo, pending: Pending): readonly Step[] {
  const postgres = [...new Set([...undo.postgres, ...pending.postgres])]
  if (postgres.length === 0) return []
  const reason = 'Validate the constraints that are back; nobody waits for that.'
  return [
    { kind: 'undo-schema', phase: 'validate', postgres, clickhouse: [], clickhouseHead: undefined, reason },
  ]
}

/** Images in the reverse of deploy's order: web, ClickHouse, worker. */
function imageSteps({ stack, targets }: RollbackQuestion): readonly Step[] {
  const steps = [
    webStep(stack, targets),
    ecsStep(stack.clickhouse, targets.clickhouse),
    ecsStep(stack.worker, targets.worker),
  ]
  return steps.filter(step => step !== undefined)
}

function warnings({ config, stack, target, targets }: RollbackQuestion, undo: Undo): readonly string[] {
  const found = [
    ...target.warnings,
    ...commonWarnings(stack, targets),
    ...clickhouseRollbackWarnings(stack, targets),
    ...(config.sql === 'auto' && needsAccept(classOf(undo)) ? [MAY_FAIL] : []),
  ]
  if (config.sql === 'images-only' && undo.postgres.length > 0) {
    found.push(
      `${amountOf(undo.postgres.length, 'Postgres migration')} ${undo.postgres.length === 1 ? 'stays as it is' : 'stay as they are'}: Langfuse ${target.release} may miss what they removed.`,
    )
  }
  return found
}

/** https://clickhouse.com/docs/operations/update: a downgrade works to a release of the same year, unless new features were used. */
function clickhouseRollbackWarnings(stack: Stack, targets: Targets): readonly string[] {
  const [from, to] = [stack.clickhouse.image.version, targets.clickhouse?.version]
  if (from === undefined || to === undefined || compareVersions(to, from) >= 0) return []
  return [
    `ClickHouse goes back from ${from} to ${to} on the same data: ClickHouse supports that for about a year of releases, and not once features of the newer one were used. Have an EFS recovery point.`,
  ]
}
