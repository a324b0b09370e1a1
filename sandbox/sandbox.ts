import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { startClock } from './aws/clock.ts'
import { blob } from './aws/ecr.ts'
import { makeIds, REGION } from './aws/ids.ts'
import { makeParticipants, type Participant } from './aws/participants.ts'
import { PRELOAD } from './aws/runtime/process.ts'
import { makeRuntime } from './aws/runtime/runtime.ts'
import { type RecordedRequest, startServer } from './aws/server.ts'
import { makeWorld, type World } from './aws/world.ts'
import { makeNetwork } from './vpc/network.ts'

/** Starts a small AWS on one local port, empty. `folder` holds what is on its file systems and nothing else. */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const speed = options.speed ?? 1
  const folder = join(options.folder, 'efs')
  mkdirSync(folder, { recursive: true })
  const clock = startClock(speed)
  const ids = makeIds()
  const network = makeNetwork()
  let endpoint = ''
  const vpcEnv = (source: string, nodeOptions?: string) => ({
    ...awsEnv(endpoint),
    ...vpc({ endpoint, source, nodeOptions }),
  })
  const participants = makeParticipants({
    clock,
    graceSeconds: options.graceSeconds ?? 60,
    endpoint: () => endpoint,
  })
  const runtime = makeRuntime({ speed, clock, folder: options.folder, vpcEnv, participants })
  const world = makeWorld({
    folder,
    clock,
    ids,
    network,
    runtime,
    endpoint: () => endpoint,
  })
  const control = (path: string, query: URLSearchParams, closed: AbortSignal) =>
    path === 'time' ? participants.answer(query, closed) : answerControl(world, path, query)
  const { services, faults, lags, hooks, s3 } = world
  const server = await startServer({
    port: options.port ?? 0,
    ids,
    now: clock.now,
    faults,
    lags,
    hooks,
    services,
    s3,
    control,
  })
  endpoint = server.endpoint
  options.log?.(`Sandbox AWS at ${endpoint}, ${speed} times as fast as real time`)

  const stop = async () => {
    clock.stop()
    await runtime.stop()
    await world.closeEndpoints()
    await server.stop()
  }
  const { requests } = server
  return {
    endpoint,
    env: awsEnv(endpoint),
    vpcEnv: vpcEnv('runner'),
    join: participants.join,
    world,
    requests,
    stop,
  }
}

export type SandboxOptions = {
  readonly folder: string
  /** How many times as fast as real time its clock runs; 1 by default. */
  readonly speed?: number
  readonly port?: number
  readonly log?: (line: string) => void
  /** Real seconds for which the clock waits for a process that is busy; 60 by default. */
  readonly graceSeconds?: number
}

export type Sandbox = {
  /** `http://127.0.0.1:PORT`, every service on it. */
  readonly endpoint: string
  /** What an AWS client needs in its environment. */
  readonly env: Readonly<Record<string, string>>
  /** Gives a Node process a place inside the VPC. */
  readonly vpcEnv: Readonly<Record<string, string>>
  /** For a process that is to live in the sandbox's time: it pauses in virtual time, and the clock waits while it works. */
  join(): Participant
  readonly world: World
  /** Every call that was received, oldest first. */
  readonly requests: readonly RecordedRequest[]
  /** Ends every process that the sandbox started. */
  stop(): Promise<void>
}

/** Keys that are no keys; the sandbox checks that requests are signed and not by whom. */
const awsEnv = (endpoint: string) => ({
  AWS_ENDPOINT_URL: endpoint,
  AWS_REGION: REGION,
  AWS_DEFAULT_REGION: REGION,
  AWS_ACCESS_KEY_ID: 'AKIASANDBOXSANDBOX00',
  AWS_SECRET_ACCESS_KEY: 'sandbox',
  AWS_EC2_METADATA_DISABLED: 'true',
})

const vpc = (given: { endpoint: string; source: string; nodeOptions: string | undefined }) => ({
  NODE_OPTIONS: [given.nodeOptions ?? '', `--import ${PRELOAD}`].join(' ').trim(),
  SANDBOX_VPC: given.endpoint,
  SANDBOX_SOURCE: given.source,
})

/** The VPC's questions; and for stand-ins of copy tools what a registry shows, and a copy by digest. */
function answerControl({ network, images }: World, path: string, query: URLSearchParams): unknown {
  const given = (name: string) => query.get(name) ?? ''
  switch (path) {
    case 'resolve':
      return { addresses: network.resolve(given('name')) ?? [], alias: network.aliasOf(given('name')) }
    case 'route':
      return network.route({
        host: given('host'),
        port: Number(given('port')),
        source: query.get('source') ?? 'unknown',
      })
    case 'blob':
      return blob(images, given('digest'))
    case 'manifest':
      return manifest(images, given('reference'))
    case 'mirror':
      return images.anywhere(given('from')) && { digest: images.mirror(given('from'), given('to')).digest }
    default:
      return undefined
  }
}

function manifest(images: World['images'], reference: string): unknown {
  const image = images.anywhere(reference)
  return (
    image && { digest: image.digest, mediaType: image.manifests.mediaType, manifest: image.manifests.text }
  )
}
