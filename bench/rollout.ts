import { systemClock } from '../src/adapters/machine.ts'
import { type FakeRollout, type Measured, startControlPlane } from '../test/support/control-plane.ts'

const EACH = Number(process.argv[2] ?? 12)
const PLATFORMS = ['ECS', 'ECS Express', 'App Runner'] as const
const ENDINGS = ['success', 'rollback', 'failure'] as const
const SECONDS = [20, 47, 180] as const

/**
 * How late a rollout's step ends after its control plane, and how many calls it makes. Real time, real SDK, over HTTP,
 * all rollouts side by side: about three and a half minutes. Prints, asserts nothing.
 */
async function bench(): Promise<void> {
  const plane = await startControlPlane()
  const kinds = PLATFORMS.flatMap(platform => ENDINGS.map(ending => ({ platform, ending })))
  const rows = kinds.map(async kind => {
    const rollouts = SECONDS.flatMap(seconds => Array.from({ length: EACH }, () => within(seconds, kind)))
    const measured = rollouts.map(async rollout => {
      // Starts are spread, so that the ends fall at any moment between two polls.
      await systemClock.sleep(10_000 * Math.random())
      return plane.measure(rollout, systemClock)
    })
    return row(`${kind.platform}, ${kind.ending}`, await Promise.all(measured))
  })
  process.stdout.write(`${(await Promise.all(rows)).join('\n')}\n`)
  plane.stop()
}

function within(seconds: number, kind: Pick<FakeRollout, 'platform' | 'ending'>): FakeRollout {
  return { ...kind, seconds: seconds + 4 * Math.random(), stages: Math.random() < 0.5 }
}

function row(title: string, measured: readonly Measured[]): string {
  const late = measured.map(seen => seen.late)
  const calls = measured.map(seen => (2 * seen.calls.length) / seen.took)
  const [p50, p95, most] = [0.5, 0.95, 1].map(part => quantile(late, part).toFixed(2))
  const long = measured.filter(seen => seen.took > 170).map(seen => seen.calls.length)
  return `${title.padEnd(22)} late p50 ${p50} s  p95 ${p95} s  most ${most} s  calls per 2 s ${quantile(calls, 0.5).toFixed(2)}  calls in three minutes ${quantile(long, 0.5)}`
}

/** The smallest value that `part` of all values do not exceed. */
function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((left, right) => left - right)
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN
}

await bench()
