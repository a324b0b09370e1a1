import { explain } from '../errors/errors.ts'
import type { StackConfig } from '../inputs/config.ts'
import type { Baseline, Fingerprint, KeptRecord, Records } from '../ports/github.ts'
import { compareWith, type Deployed } from '../stack/baseline.ts'
import { fingerprintOf, identityOf } from '../stack/fingerprint.ts'
import { currentRelease, known, type Observed, type Stack, unknown } from '../stack/stack.ts'
import type { Ports } from './ports.ts'

/**
 * Writes down what a run that succeeded has left: what drift is measured against from now on. Returns warnings; that it
 * could not be written is no reason to call a deploy failed.
 */
export async function keepBaseline(
  stack: Stack | undefined,
  { config, ports, ...written }: Written & { readonly config: StackConfig; readonly ports: Ports },
): Promise<readonly string[]> {
  const records = ports.records(config)
  if (records === undefined || stack === undefined) return []
  try {
    const id = await records.keepBaseline(baselineOf(stack, written, ports))
    ports.runner.info(`Baseline ${id} in ${records.location}: what drift is measured against from now on`)
    return []
  } catch (error) {
    return [
      `What runs now could not be written down in ${records.location} (${explain(error)}), so drift is measured against what was deployed before: give the job \`permissions: deployments: write\`.`,
    ]
  }
}

/**
 * A deploy that finds nothing to do takes the stack as it is for the one that is wanted: what differed until now is
 * told, and no drift any more.
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
    const notes = accepted.length === 0 ? [] : [`Taken as wanted, no drift any more: ${accepted.join(', ')}.`]
    return [...notes, ...(await keepBaseline(stack, { ...run, earlier: fingerprint }))]
  } catch (error) {
    return [`The baseline in ${records?.location} cannot be read: ${explain(error)}`]
  }
}

type Written = {
  readonly by: Baseline['by']
  /** What was written down before, for what this look could not see. */
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
    // What could not be seen this time is still what it was when the same release was deployed.
    fingerprint: { ...fingerprint, parts: { ...earlier?.parts, ...fingerprint.parts } },
  }
}

/**
 * Reads what was deployed, before and after `look` has taken its picture: a deploy that began or ended in between must
 * not be taken for drift.
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
  const ended = { certain: true, sentence: 'A deploy ended while it was looked: run verify again.' }
  return { ...last, underway: last.underway ?? first.underway ?? (changed ? ended : undefined) }
}

async function readDeployed(records: Records | undefined, ports: Ports): Promise<Observed<Deployed>> {
  if (records === undefined)
    return unknown('there is no `github-token`, or this is not a workflow of a repository', 'no-evidence')
  try {
    const [baseline, record] = await Promise.all([records.baseline(), records.latest()])
    const underway = await underwayOf(record, records, ports)
    return known({ location: records.location, baseline, record, underway }, records.location)
  } catch (error) {
    return unknown(
      `the deployment records in ${records.location} cannot be read (${explain(error)}): give the job \`permissions: deployments: read\``,
      'no-evidence',
    )
  }
}

/** Another run that changes the stack right now. One that was killed has left its record open, but is over. */
async function underwayOf(
  record: KeptRecord | undefined,
  records: Records,
  { runner }: Ports,
): Promise<Deployed['underway']> {
  const run = record?.record.run
  if (record?.state !== 'in_progress' || run === undefined) return undefined
  if (run === runner.environment('GITHUB_RUN_ID')) return undefined
  const running = await records.isRunning(run)
  if (running === false) return undefined
  const what = `workflow run ${run}, which rolls out Langfuse ${record.record.to}`
  return running
    ? {
        certain: true,
        sentence: `What differs now is no drift: ${what}, still goes on. Run verify again when it has ended.`,
      }
    : {
        certain: false,
        sentence: `Whether what differs is drift cannot be told, because whether ${what}, still goes on is not known: give the job \`permissions: actions: read\`.`,
      }
}
