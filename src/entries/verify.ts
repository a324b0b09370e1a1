import type { Check, Subject } from '../checks/check.ts'
import { differencesOf, drift, driftOf } from '../checks/drift-check.ts'
import {
  type CheckId,
  type CheckResult,
  chooseChecks,
  countsOf,
  regressionsIn,
  runChecks,
  verdictOf,
} from '../checks/run.ts'
import { readVerifyConfig, type VerifyConfig } from '../inputs/config.ts'
import type { Cloud } from '../ports/cloud.ts'
import { type Conclusion, conclude } from '../report/conclusion.ts'
import { memoizeCloud, observeInfrastructure } from '../stack/infrastructure.ts'
import { observe, quickSources, type Sources } from '../stack/observe.ts'
import {
  currentRelease,
  imageRelease,
  type Mount,
  type Observed,
  type Stack,
  unknown,
} from '../stack/stack.ts'
import { canaryStage } from './canary-stage.ts'
import { keepIssue } from './drift-issue.ts'
import { observeDeployed } from './keep-baseline.ts'
import { announceWeb } from './observe-ready.ts'
import { connect, type Ports } from './ports.ts'

/**
 * inputs → observe → checks → conclusion. Writes only the canary, which it deletes, and with `drift-issue` one issue on
 * GitHub.
 */
export async function verify(ports: Ports): Promise<Conclusion> {
  const config = readVerifyConfig(ports.runner)
  return keepIssue(await verifyStack(config, ports), config, ports)
}

async function verifyStack(config: VerifyConfig, ports: Ports): Promise<Conclusion> {
  const chosen = withDrift(chooseChecks(config.checks), config)
  const connections = connect(config, ports)
  const needs = new Set(chosen.flatMap(check => check.needs))
  const inside = needs.has('inside')
  const stage = canaryStage(config, ports, needs.has('canary'))
  const sources = {
    ...(inside ? { ...connections, deepProbe: true } : quickSources(connections)),
    ...(needs.has('infrastructure') && observingInfrastructure(connections.cloud, ports)),
    onWeb: stage.begin,
    probeMount: needs.has('mount') ? (connections.mount ?? cannotMount) : undefined,
  }
  const observeStack = () => observe(config, sources)
  const whole =
    config.baseline === 'record'
      ? observeDeployed(config, ports, observeStack)
      : observeStack().then(stack => ({ stack, deployed: undefined }))
  const { stack, deployed } = await whole.catch(async error => {
    await stage.ended() // the canary is deleted even if the observation fails
    throw error
  })
  announceWeb(stack, ports.runner)
  const subject: Subject = {
    stack,
    // The web's image names the release that should run; the web itself only reports what it runs.
    expected: imageRelease(stack.web.image, ports.facts),
    facts: ports.facts,
    canary: await stage.ended(),
    ...(deployed !== undefined && { deployed }),
  }
  const checks = await runChecks(chosen, subject)
  for (const check of checks) ports.runner.info(`${check.state.padEnd(12)} ${check.id}: ${check.sentence}`)
  const outcome = verdictOf(checks, config.failOn)
  return conclude('verify', outcome, `${checks.length} checks: ${countsOf(checks)}.`, {
    versions: { previous: undefined, current: currentRelease(stack, ports.facts), target: undefined },
    problems: outcome === 'passed' ? [] : reasons(checks),
    warnings: inside ? notChecked(stack) : [],
    checks,
    stack,
    differences: differencesOf(driftOf(subject)),
    regressions: regressionsIn(checks, config),
  })
}

/** All observations share one memoized cloud, because they need much of the same. */
function observingInfrastructure(
  cloud: Cloud,
  { clock }: Ports,
): Pick<Sources, 'cloud' | 'observeInfrastructure'> {
  const shared = memoizeCloud(cloud)
  return {
    cloud: shared,
    observeInfrastructure: (stack, beside) =>
      observeInfrastructure(stack, shared, { ...beside, now: clock.now() }),
  }
}

async function cannotMount(): Promise<Observed<Mount>> {
  return unknown("ClickHouse's volume is mounted only with `network: task`", 'not-asked')
}

/** `baseline` adds the drift check to any choice of checks. */
function withDrift(chosen: readonly Check<CheckId>[], { baseline }: VerifyConfig): readonly Check<CheckId>[] {
  return baseline === 'none' || chosen.includes(drift) ? chosen : [...chosen, drift]
}

/** Each once: one thing that could not be observed is the reason of many checks. */
function reasons(checks: readonly CheckResult[]): readonly string[] {
  const bad = checks.filter(check => check.state === 'failed' || check.state === 'inconclusive')
  return [...new Set(bad.map(check => check.sentence))]
}

function notChecked({ postgres, clickhouseStore }: Stack): readonly string[] {
  const stores = [postgres, clickhouseStore].flatMap(store =>
    !store.known && store.because === 'not-asked' ? [`Not checked: ${store.reason}.`] : [],
  )
  return [...new Set(stores)]
}
