import { chooseChecks, countOf, runChecks, verdictOf } from '../checks/run.ts'
import { readVerifyConfig } from '../inputs/config.ts'
import { releaseOf } from '../release/release.ts'
import type { Conclusion } from '../report/conclusion.ts'
import { conclude } from '../report/conclusion.ts'
import { observe } from '../stack/observe.ts'
import { currentRelease } from '../stack/stack.ts'
import { connect, type Ports } from './ports.ts'

/** inputs → observe → checks → conclusion. Never writes. */
export async function verify(ports: Ports): Promise<Conclusion> {
  const config = readVerifyConfig(ports.runner)
  const chosen = chooseChecks(config.checks)
  const connections = connect(config, ports)
  const stack = await observe(config, connections)
  // What should run is what the web's image says; the web itself only says what it is.
  const expected = releaseOf(stack.web.image.version)
  const checks = await runChecks(chosen, {
    stack,
    expected,
    facts: ports.facts,
    clickhouse: connections.clickhouse,
  })
  for (const check of checks) ports.runner.info(`${check.state.padEnd(12)} ${check.id}: ${check.sentence}`)
  const outcome = verdictOf(checks, config.failOn)
  const counts = (['passed', 'failed', 'warning', 'inconclusive', 'skipped'] as const)
    .map(state => `${countOf(checks, state)} ${state}`)
    .join(', ')
  return conclude('verify', outcome, `${checks.length} checks: ${counts}.`, {
    versions: { previous: undefined, current: currentRelease(stack, ports.facts), target: undefined },
    problems:
      outcome === 'passed'
        ? []
        : checks.filter(check => check.state === 'failed').map(check => check.sentence),
    checks,
    stack,
  })
}
