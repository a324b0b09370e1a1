import type { CheckResult } from '../checks/check.ts'
import { chooseChecks, countOf, runChecks, verdictOf } from '../checks/run.ts'
import { readVerifyConfig } from '../inputs/config.ts'
import { releaseOf } from '../release/release.ts'
import type { Conclusion } from '../report/conclusion.ts'
import { conclude } from '../report/conclusion.ts'
import { observe, quickSources } from '../stack/observe.ts'
import { currentRelease, type Mount, type Observed, type Stack, unknown } from '../stack/stack.ts'
import { observeSurroundings } from '../stack/surroundings.ts'
import { connect, type Ports } from './ports.ts'

/** inputs → observe → checks → conclusion. Never writes. */
export async function verify(ports: Ports): Promise<Conclusion> {
  const config = readVerifyConfig(ports.runner)
  const chosen = chooseChecks(config.checks)
  const connections = connect(config, ports)
  const needs = new Set(chosen.flatMap(check => check.needs))
  const inside = needs.has('inside')
  const sources = inside ? connections : quickSources(connections)
  const lookAtMount = needs.has('mount') ? (connections.mount ?? cannotMount) : undefined
  const seen = await observe(config, { ...sources, lookAtMount })
  const stack = needs.has('surroundings')
    ? await observeSurroundings(seen, connections.cloud, { config, now: ports.clock.now() })
    : seen
  // What should run is what the web's image says; the web itself only says what it is.
  const expected = releaseOf(stack.web.image.version)
  const checks = await runChecks(chosen, {
    stack,
    expected,
    facts: ports.facts,
  })
  for (const check of checks) ports.runner.info(`${check.state.padEnd(12)} ${check.id}: ${check.sentence}`)
  const outcome = verdictOf(checks, config.failOn)
  const counts = (['passed', 'failed', 'warning', 'inconclusive', 'skipped'] as const)
    .map(state => `${countOf(checks, state)} ${state}`)
    .join(', ')
  return conclude('verify', outcome, `${checks.length} checks: ${counts}.`, {
    versions: { previous: undefined, current: currentRelease(stack, ports.facts), target: undefined },
    problems: outcome === 'passed' ? [] : reasons(checks),
    warnings: inside ? unlooked(stack) : [],
    checks,
    stack,
  })
}

async function cannotMount(): Promise<Observed<Mount>> {
  return unknown("only with `network: task` a task mounts ClickHouse's volume", 'not-asked')
}

/** Each once: what nobody could look at is the reason of many checks. */
function reasons(checks: readonly CheckResult[]): readonly string[] {
  const bad = checks.filter(check => check.state === 'failed' || check.state === 'inconclusive')
  return [...new Set(bad.map(check => check.sentence))]
}

function unlooked({ postgres, clickhouseStore }: Stack): readonly string[] {
  const stores = [postgres, clickhouseStore].flatMap(store =>
    !store.known && store.because === 'not-asked' ? [`Not checked: ${store.reason}.`] : [],
  )
  return [...new Set(stores)]
}
