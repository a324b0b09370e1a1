import { explain } from '../errors/errors.ts'
import { runCanary } from '../execute/run-canary.ts'
import type { VerifyConfig } from '../inputs/config.ts'
import { type Canary, canaryProbe, canaryRoute } from '../stack/canary.ts'
import { healthAddress, observeHealth } from '../stack/observe-health.ts'
import { known, type Observed, unknown, type WebComponent } from '../stack/stack.ts'
import type { Ports } from './ports.ts'

/** The one stage of verify that writes. It starts as soon as the web's URL is known, in parallel with the rest. */
type CanaryStage = {
  begin(web: WebComponent, url: string): void
  /** Resolves when the canary is deleted, at once if none was started. Never rejects. */
  ended(): Promise<Observed<Canary>>
}

/** @param wanted whether a chosen check needs it */
export function canaryStage(config: VerifyConfig, ports: Ports, wanted: boolean): CanaryStage {
  const began = ports.clock.now()
  const keys = wanted ? config.langfuse : undefined
  const none = unknown<Canary>(
    'Inputs `langfuse-public-key` and `langfuse-secret-key` are empty',
    'not-asked',
  )
  let running: Promise<Observed<Canary>> | undefined
  return {
    begin: (web, url) => {
      if (keys === undefined) return
      running = write(config, ports, { web, url, keys, began }).catch(error =>
        unknown(`The canary could not finish: ${explain(error)}`, 'no-evidence'),
      )
    },
    ended: async () => running ?? none,
  }
}

type Context = {
  readonly web: WebComponent
  readonly url: string
  readonly keys: NonNullable<VerifyConfig['langfuse']>
  /** When the run started: its timeout counts from there. */
  readonly began: number
}

const NO_URL = 'The web has no public URL, so no canary was written: set input `url`'

/** Kept free of the run's time for the deletion and the report. */
const RESERVE_MS = 10_000

async function write(config: VerifyConfig, ports: Ports, context: Context): Promise<Observed<Canary>> {
  const { web, url, keys, began } = context
  // The HTTP header sends both as one word, which masking each key alone would not find.
  ports.runner.mask(Buffer.from(`${keys.publicKey}:${keys.secretKey}`).toString('base64'))
  const address = healthAddress(url)
  if (address === undefined) return unknown(NO_URL, 'no-evidence')
  const health = await observeHealth(address, ports.http)
  // The keys go to Langfuse only.
  if (!health.known && health.because === 'no-evidence') return unknown(health.reason, 'no-evidence')
  const release = (health.known ? health.value.version : undefined) ?? web.image.version
  const route = canaryRoute(web, release)
  if (typeof route === 'string') return unknown(route, 'not-asked')
  const { databases } = config
  const redisUrl = databases?.redisUrl
  const canary = await runCanary({
    api: ports.langfuse({ url, ...keys }),
    route,
    environment: web.environment,
    clock: ports.clock,
    signal: ports.signal,
    deadline: began + Math.max(config.timeoutMs - RESERVE_MS, config.timeoutMs / 2),
    probe: canaryProbe({
      clickhouse: databases?.clickhouse && ports.clickhouse(databases.clickhouse),
      valkey: redisUrl === undefined ? undefined : ports.valkey(redisUrl),
    }),
  })
  return known(canary, canary.address)
}
