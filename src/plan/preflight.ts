import { COMPONENTS, type Component } from '../inputs/config.ts'
import type { ReleaseFacts } from '../release/facts.ts'
import type { Proofs } from '../stack/proof.ts'
import {
  appRunnerBusy,
  contradiction,
  deploysByItself,
  dirtyClickHouse,
  failedMigrations,
} from '../stack/rules.ts'
import type { Stack } from '../stack/stack.ts'
import type { TargetImage, Targets } from '../stack/targets.ts'
import { continuedOperation } from './image-steps.ts'
import { componentName, type Step } from './plan.ts'

/**
 * What prevents any change of a stack, each with what to do.
 * `repaired`: failed Postgres migrations that the plan itself repairs; `missing`: the sentence for a missing image.
 */
export function commonProblems(
  stack: Stack,
  targets: Targets,
  { repaired, missing }: { readonly repaired: ReadonlySet<string>; readonly missing: MissingImage } = FORWARD,
): readonly string[] {
  const isFollowed = continuedOperation(stack, targets) !== undefined
  return [
    isFollowed ? [] : (appRunnerBusy(stack) ?? []),
    unreachableStores(stack),
    otherStores(stack),
    withoutMigrations(stack) ?? [],
    [...failedMigrations(stack)].flatMap(([name, sentence]) => (repaired.has(name) ? [] : sentence)),
    dirtyClickHouse(stack) ?? [],
    imageProblems(stack, targets, missing),
  ].flat()
}

const FORWARD = { repaired: new Set<string>(), missing: notPushed }

/** A contradiction about what runs: a refusal, or with `accept: contradiction` a warning. */
export function contradictionIn({ config, stack, facts }: ContradictionQuestion): {
  readonly problems: readonly string[]
  readonly warnings: readonly string[]
} {
  const sentence = contradiction(stack, facts)
  if (sentence === undefined) return { problems: [], warnings: [] }
  return config.accept.has('contradiction')
    ? { problems: [], warnings: [`${sentence} This run follows the images.`] }
    : { problems: [`${sentence} To follow the images, set \`accept: contradiction\`.`], warnings: [] }
}

type ContradictionQuestion = {
  readonly config: { readonly accept: ReadonlySet<string> }
  readonly stack: Stack
  readonly facts: ReleaseFacts
}

/** An address that does not work is an error to correct. */
function unreachableStores(stack: Stack): readonly string[] {
  return [stack.postgres, stack.clickhouseStore].flatMap(store =>
    !store.known && store.because === 'unreachable' ? [store.reason] : [],
  )
}

/** A store of another stack: what it shows is no basis for a plan, even for one that writes nothing to it. */
function otherStores({ proofs }: Stack): readonly string[] {
  return STORES.flatMap(store => {
    const proof = proofs[store]
    if (proof.state !== 'other') return []
    return `This run was given ${STORE_NAMES[store]} of another stack: ${proof.why}. Set ${INPUTS[store]} to the address that this stack's worker uses, or use \`network: task\`.`
  })
}

/** What this run itself would write to or back up needs proof that the store is this stack's. */
export function unprovenStore(store: keyof Proofs, { proofs }: Stack): string | undefined {
  const proof = proofs[store]
  if (proof.state !== 'unproven') return undefined
  const worker =
    store === 'postgres'
      ? " Or let this runner reach the worker's health endpoint (TCP 3030), which shows it."
      : ''
  return `Nothing proves that ${STORE_NAMES[store]} given to this run is this stack's: ${proof.why}. So this run writes nothing there and takes no snapshot of it. Use \`network: task\`, which connects with the worker's own settings.${worker}`
}

const STORES = ['postgres', 'clickhouse', 'valkey'] as const
const STORE_NAMES = {
  postgres: 'the PostgreSQL database',
  clickhouse: 'the ClickHouse',
  valkey: 'the Valkey',
}
const INPUTS = { postgres: '`database-url`', clickhouse: '`clickhouse-url`', valkey: '`redis-url`' }

/** A release that runs has migrated its database. */
function withoutMigrations({ postgres, probe, worker, web }: Stack): string | undefined {
  if (!postgres.known || postgres.value.migrations.length > 0) return undefined
  const release = web.image.version ?? worker.image.version
  const schema = probe.identity.known ? probe.identity.value.schema : 'public'
  const running = release === undefined ? 'Langfuse' : `Langfuse ${release}`
  return `${running} is running, but ${postgres.source} has no Postgres migration in schema \`${schema}\`. So Langfuse uses another database or another schema. Set host, database and \`?schema=\` as in the worker's DATABASE_URL.`
}

export function commonWarnings(stack: Stack, targets: Targets): readonly string[] {
  const { postgres, clickhouseStore } = stack
  return [
    unreadableWeb(stack) ?? [],
    postgres.known ? [] : `The state of PostgreSQL was not checked: ${postgres.reason}.`,
    clickhouseStore.known ? [] : `The state of ClickHouse was not checked: ${clickhouseStore.reason}.`,
    imageWarnings(targets),
    deploysByItself(stack) ?? [],
  ].flat()
}

/** What then shows that the new web works. */
function unreadableWeb({ health, probe: { web } }: Stack): string | undefined {
  if (health.known) return undefined
  const instead = web.known
    ? `it checks the web inside the VPC (${web.source})`
    : 'it relies on the platform and on image digests, and reverts nothing for what it cannot see'
  return `This run cannot read the web's URL, because ${health.reason}. Instead, ${instead}.`
}

/** What a copy does to the running image: ECR counts each manifest of a multi-platform image as an image. */
export function retentionWarnings(targets: Targets, steps: readonly Step[]): readonly string[] {
  return steps.flatMap(step => {
    const mirror = step.kind === 'mirror' ? targets[step.component]?.mirror : undefined
    if (step.kind !== 'mirror' || mirror?.expiresRunning === undefined) return []
    const { manifests, expiresRunning } = mirror
    const name = componentName(step.component)
    if (!expiresRunning.known)
      return `It is unknown whether copying the ${name} image lets ECR delete the running one, because ${expiresRunning.reason}.`
    if (!expiresRunning.value) return []
    return `Copying the ${name} image adds ${manifests === 1 ? '1 image' : `${manifests} images`} in ECR, one for each manifest. The repository's lifecycle policy then deletes the running image, so a rollback cannot start it. Keep more images, or expire untagged images only.`
  })
}

/** Images that do not exist, or not for the needed platform. */
function imageProblems(stack: Stack, targets: Targets, missing: MissingImage): readonly string[] {
  return COMPONENTS.flatMap(component => {
    const target = targets[component]
    if (target === undefined) return []
    if (target.presence === 'missing') return missing(component, target)
    return wrongPlatform(component, target, stack) ?? []
  })
}

export type MissingImage = (component: Component, target: TargetImage) => string

function notPushed(component: Component, { asked, problem }: TargetImage): string {
  if (problem !== undefined) return problem
  return `The ${componentName(component)} image \`${asked}\` does not exist in its registry. Push it first, or set \`${component}-image\` to another image.`
}

/** Unknown platforms are no problem: an old single-platform manifest names none. */
function wrongPlatform(component: Component, target: TargetImage, stack: Stack): string | undefined {
  const { platform, because } = neededPlatform(component, stack)
  if (target.platforms === undefined || target.platforms.includes(platform)) return undefined
  return `The ${componentName(component)} image \`${target.asked}\` is built for ${target.platforms.join(' and ')}, but ${because}. Push an image for ${platform}, e.g. the complete multi-platform image.`
}

function neededPlatform(component: Component, stack: Stack): { platform: string; because: string } {
  const where = stack[component]
  // https://github.com/aws/apprunner-roadmap/issues/98
  if ('platform' in where && where.platform === 'app-runner') {
    const because = `App Runner service ${where.service.name} runs linux/amd64 only`
    return { platform: 'linux/amd64', because }
  }
  const { architecture, family, revision } = where.taskDefinition
  const platform = architecture === 'ARM64' ? 'linux/arm64' : 'linux/amd64'
  return { platform, because: `task definition ${family}:${revision} runs on ${platform}` }
}

function imageWarnings(targets: Targets): readonly string[] {
  return COMPONENTS.flatMap(component => {
    const target = targets[component]
    if (target?.presence !== 'unchecked') return []
    return `The ${componentName(component)} image \`${target.asked}\` is not in ECR, so its existence and its platforms were not checked.`
  })
}

/** Images whose tag is another release than `version`. */
export function foreignImages(targets: Targets, version: string): readonly string[] {
  return (['worker', 'web'] as const).flatMap(component => {
    const target = targets[component]
    if (target?.version === undefined || target.version === version) return []
    return `The ${component} image \`${target.asked}\` has the tag ${target.version}, but \`version\` is ${version}. Make sure that it contains ${version}.`
  })
}
