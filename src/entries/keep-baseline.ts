import { explain } from '../errors/errors.ts'
import type { StackConfig } from '../inputs/config.ts'
import type { Baseline, Fingerprint, KeptRecord, Records } from '../ports/github.ts'
import { compareWith, type Deployed, fingerprintOf, identityOf } from '../stack/baseline.ts'
import { currentRelease, known, type Observed, type Stack, unknown } from '../stack/stack.ts'
import type { Ports } from './ports.ts'
import { activeRun, NO_GITHUB } from './record.ts'

/**
 * Saves what runs after a successful run as the baseline for drift. Returns warnings: a deploy has not failed because
 * its baseline could not be saved.
 */
export async function keepBaseline(
  stack: Stack | undefined,
  { config, ports, ...written }: Written & { readonly config: StackConfig; readonly ports: Ports },
): Promise<readonly string[]> {
  const records = ports.records(config)
  if (records === undefined || stack === undefined) return []
  try {
    const id = await records.keepBaseline(baselineOf(stack, written, ports))
    ports.runner.info(`Saved baseline ${id} in ${records.location}: drift is measured against it from now on`)
    return []
  } catch (error) {
    return [
      `Could not save the drift baseline in ${records.location} (${explain(error)}). Drift is still measured against the previous deploy.`,
    ]
  }
}

/**
 * A deploy with nothing to do accepts the stack as it is: it reports the differences once and saves them as the new
 * baseline.
 */
export async function acceptAsBaseline(
  stack: Stack,
  config: StackConfig,
  ports: Ports,
): Promise<readonly string[]> {
  const run = { by: 'deploy', config, ports } as const
  const records = ports.records(config)
  try {
    const kept = await records?.baseline()
    if (kept === undefined || kept.baseline.stack !== identityOf(stack)) return keepBaseline(stack, run)
    const { fingerprint } = kept.baseline
    const { differences, uncompared } = compareWith(fingerprint, stack)
    const more = uncompared.some(({ missing }) => missing === 'then')
    if (differences.length === 0 && !more) return []
    const accepted = differences.map(
      ({ component, member, was, is }) => `${component} ${member}: \`${was}\` → \`${is}\``,
    )
    const notes =
      accepted.length === 0
        ? []
        : [`Accepted into the baseline and no longer reported as drift: ${accepted.join(', ')}.`]
    return [...notes, ...(await keepBaseline(stack, { ...run, earlier: fingerprint }))]
  } catch (error) {
    return [
      `Could not read the drift baseline in ${records?.location}, so it was not updated: ${explain(error)}`,
    ]
  }
}

type Written = {
  readonly by: Baseline['by']
  /** The previous baseline, for parts that this run could not observe. */
  readonly earlier?: Fingerprint
}

function baselineOf(stack: Stack, { by, earlier }: Written, { facts, runner }: Ports): Baseline {
  const fingerprint = fingerprintOf(stack)
  return {
    schema: 1,
    stack: identityOf(stack),
    release: currentRelease(stack, facts),
    by,
    run: runner.environment('GITHUB_RUN_ID'),
    // A part that could not be observed this time keeps its earlier value.
    fingerprint: { ...fingerprint, parts: { ...earlier?.parts, ...fingerprint.parts } },
  }
}

/**
 * Reads the records before and after the observation, so that a deploy that starts or ends in between is not reported
 * as drift.
 */
export async function observeDeployed(
  config: StackConfig,
  ports: Ports,
  observeStack: () => Promise<Stack>,
): Promise<{ readonly stack: Stack; readonly deployed: Observed<Deployed> }> {
  const records = ports.records(config)
  const before = readDeployed(records, ports)
  const stack = await observeStack()
  const [first, last] = [await before, await readDeployed(records, ports)]
  return {
    stack,
    deployed: first.known && last.known ? known(together(first.value, last.value), last.source) : last,
  }
}

function together(first: Deployed, last: Deployed): Deployed {
  const changed = first.baseline?.id !== last.baseline?.id
  const ended = {
    certain: true,
    sentence: 'A deploy ended while verify was observing the stack. Run verify again.',
  }
  return { ...last, underway: last.underway ?? first.underway ?? (changed ? ended : undefined) }
}

async function readDeployed(records: Records | undefined, ports: Ports): Promise<Observed<Deployed>> {
  if (records === undefined) return unknown(NO_GITHUB, 'no-evidence')
  try {
    const [baseline, record] = await Promise.all([records.baseline(), records.latest()])
    const underway = await underwayOf(record, records, ports)
    return known({ location: records.location, baseline, record, underway }, records.location)
  } catch (error) {
    return unknown(
      `the deployment records in ${records.location} could not be read (${explain(error)})`,
      'no-evidence',
    )
  }
}

async function underwayOf(
  latest: KeptRecord | undefined,
  records: Records,
  { runner }: Ports,
): Promise<Deployed['underway']> {
  const active = await activeRun(latest, records, runner)
  if (active === undefined) return undefined
  const { run, release, certain } = active
  const sentence = certain
    ? `Workflow run ${run} is deploying Langfuse ${release} or rolls it back, so the differences are not drift. Run verify again after it ends.`
    : `Cannot tell whether the differences are drift or come from workflow run ${run}, which deploys Langfuse ${release}. Give the job \`permissions: actions: read\`.`
  return { certain, sentence }
}
