import { EVENT_BUCKET } from '../../sandbox/article/settings.ts'
import type { AppRunnerService } from '../../sandbox/aws/apprunner/types.ts'
import type { Bucket } from '../../sandbox/aws/s3.ts'
import type { ApiKey } from '../../sandbox/langfuse/api-keys.ts'
import { CANARY_NAME } from '../../src/execute/canary-messages.ts'
import { WRITE_MODE } from '../../src/release/v4-flags.ts'
import { type Fault, type FaultStage, swap, until } from './fault.ts'

/** Every stage of the table has it, so that a fault only has to give it. */
export const CANARY_KEY: ApiKey = { publicKey: 'pk-lf-faults', secretKey: 'sk-lf-faults' }

/** What the canary waits for is shorter by the run's own timeout: these faults are for ever. */
const inputs = {
  'langfuse-public-key': CANARY_KEY.publicKey,
  'langfuse-secret-key': CANARY_KEY.secretKey,
  timeout: '30s',
}

const failed = (says: RegExp): Fault['expects'] => [{ check: 'canary', state: 'failed', says }]

/** Along the way of a trace: web, S3, Valkey, worker, ClickHouse, and back. */
const lost: readonly Fault[] = [
  {
    name: "the canary's key is not one that Langfuse knows (SALT was changed)",
    put: async ({ postgres }) => {
      const change = (set: string) =>
        postgres.query(`UPDATE api_keys SET fast_hashed_secret_key = ${set} WHERE public_key = $1`, [
          CANARY_KEY.publicKey,
        ])
      await change(`'not-' || fast_hashed_secret_key`)
      return async () => void (await change(`substr(fast_hashed_secret_key, 5)`))
    },
    inputs,
    expects: failed(/401: .*Invalid credentials.*not a valid pair of one project .*or SALT was changed/),
  },
  {
    name: 'S3 takes no object of the web',
    row: 34,
    put: stage => deny(stage, 'PUT'),
    inputs,
    expects: failed(/500: .*could not store the canary in S3|could not store the canary in S3 \(500/),
  },
  {
    name: 'the bucket is in another region than LANGFUSE_S3_EVENT_UPLOAD_REGION',
    row: 33,
    put: async stage => swap(bucketOf(stage), { region: 'us-east-1' }),
    inputs,
    expects: failed(/could not store the canary in S3 .*_REGION \(the bucket's own, not `auto`\)/),
  },
  {
    name: 'Valkey takes no job: its memory is used up',
    put: async ({ valkey }) =>
      swap(valkey, {
        trouble: (command, key) =>
          WRITES.test(command) && key.includes('ingestion')
            ? "OOM command not allowed when used memory > 'maxmemory'."
            : undefined,
      }),
    inputs,
    expects: failed(/stored the canary in S3 but could not queue it in Valkey \(500: .*OOM/),
  },
  {
    name: 'Valkey hangs up on the web',
    put: async ({ valkey }) =>
      swap(valkey, {
        trouble: (command, key) => (WRITES.test(command) && key.includes('ingestion') ? 'closed' : undefined),
      }),
    inputs,
    expects: failed(
      /stored the canary in S3 but could not queue it in Valkey \(500: .*connection was closed/,
    ),
  },
  {
    name: 'no worker takes what the web queued',
    put: async stage => {
      const worker = stage.service('langfuse_worker')
      const undo = swap(worker, { desiredCount: 0 })
      const tasks = () => [...worker.cluster.tasks.values()].filter(task => task.service === worker)
      await until('stopped worker', () => tasks().every(({ lastStatus }) => lastStatus === 'STOPPED'))
      return async () => {
        empty(stage)
        await undo()
        await until('running worker', () => tasks().some(({ lastStatus }) => lastStatus === 'RUNNING'))
      }
    },
    inputs,
    expects: failed(/No worker task runs, so traces wait in Valkey/),
    also: ['worker-steady', 'worker-health', 'database-identity'],
  },
  {
    name: 'the worker has stopped its queues, and says that it is healthy',
    row: 23,
    put: stage => block(stage, 'ingestion-queue'),
    inputs,
    expects: failed(
      /queued but no worker is consuming it \(ingestion-queue: [1-9]\d* waiting,.*has stopped consuming/,
    ),
  },
  {
    name: 'the same, seen from outside of the VPC by the agent',
    row: 23,
    put: stage => block(stage, 'ingestion-queue'),
    inputs: { ...inputs, network: 'task' },
    expects: failed(/queued but no worker is consuming it \(ingestion-queue: [1-9]\d* waiting/),
  },
  {
    name: 'ClickHouse refuses the rows of the worker',
    put: stage => refuseRows(stage, 'traces'),
    inputs,
    expects: failed(
      /accepted, but it was not readable .*fails and retries it .*ingestion-queue: 0 waiting, [1-9]/,
    ),
  },
  {
    name: 'ClickHouse refuses scores alone',
    put: stage => refuseRows(stage, 'scores'),
    inputs,
    expects: failed(/accepted, but its score was not readable/),
  },
  {
    name: 'the worker cannot read the events from S3',
    row: 33,
    put: stage => deny(stage, 'GET'),
    inputs,
    expects: failed(/accepted, but it was not readable .*fails and retries it/),
  },
  {
    name: 'deletions cannot be queued',
    put: async ({ valkey }) =>
      swap(valkey, {
        trouble: (command, key) =>
          WRITES.test(command) && key.includes('trace-delete') ? 'READONLY You can not write.' : undefined,
      }),
    inputs,
    expects: [
      {
        check: 'canary',
        state: 'warning',
        says: /was read back after .*Canary \w{32} could not be deleted \(500 .*READONLY/,
      },
    ],
  },
  {
    name: 'deletions are taken and not carried out: canaries of six runs are still there',
    put: async ({ clickhouse, postgres }) => {
      const { rows } = await postgres.query('SELECT project_id FROM api_keys WHERE public_key = $1', [
        CANARY_KEY.publicKey,
      ])
      const project_id = String(rows[0]?.['project_id'])
      const timestamp = new Date(Date.now() - 3_600_000).toISOString().replace('T', ' ').replace('Z', '')
      const left = Array.from({ length: 6 }, (_, index) =>
        JSON.stringify({
          ...{ id: `left-${index}`, name: CANARY_NAME, tags: [CANARY_NAME], project_id },
          ...{ timestamp, event_ts: timestamp, is_deleted: 0 },
        }),
      )
      await clickhouse.execute('INSERT INTO traces FORMAT JSONEachRow', left.join('\n'))
      return async () =>
        clickhouse.execute("ALTER TABLE traces DELETE WHERE id LIKE 'left-%' SETTINGS mutations_sync = 1")
    },
    inputs,
    expects: [
      { check: 'canary', state: 'warning', says: /Earlier runs left 6 canaries; this run deleted 6/ },
    ],
  },
]

/** The way of v4 in its own mode: OTLP in, observations out. */
const lostOnV4: readonly Fault[] = [
  {
    name: '`dual` is set for web and worker, and the web that runs was never deployed with it',
    row: 22,
    put: setDual,
    inputs,
    expects: failed(/rejected each event of the canary .*events_only.*although its settings say `dual`/),
    on: 'v4',
  },
  {
    name: 'S3 takes no spans',
    row: 34,
    put: stage => deny(stage, 'PUT'),
    inputs,
    expects: failed(/could not store the canary in S3 \(500: .*AccessDenied/),
    on: 'v4',
  },
  {
    name: 'the worker has stopped its queue of spans',
    row: 23,
    put: stage => block(stage, 'otel-ingestion-queue'),
    inputs,
    expects: failed(/queued but no worker is consuming it \(otel-ingestion-queue: [1-9]\d* waiting/),
    on: 'v4',
  },
  {
    name: 'ClickHouse refuses the rows of spans',
    put: stage => refuseRows(stage, 'events_full'),
    inputs,
    expects: failed(
      /accepted, but it was not readable .*fails and retries it .*otel-ingestion-queue: 0 waiting, [1-9]/,
    ),
    on: 'v4',
  },
]

export const canary = [...lost, ...lostOnV4]

const WRITES = /^(LPUSH|HSET|ZADD)$/

function bucketOf({ world }: FaultStage): Bucket {
  const bucket = world.s3.buckets.get(EVENT_BUCKET)
  if (bucket === undefined) throw new Error(`The stage has no bucket ${EVENT_BUCKET}`)
  return bucket
}

async function deny(stage: FaultStage, method: 'GET' | 'PUT'): Promise<() => Promise<void>> {
  const bucket = bucketOf(stage)
  bucket.denied.add(method)
  return async () => {
    empty(stage)
    bucket.denied.delete(method)
  }
}

/** A job that its stand-in's worker does not take, and so none behind it. */
async function block(stage: FaultStage, queue: string): Promise<() => Promise<void>> {
  const { valkey } = stage
  valkey.hashes.set(`bull:${queue}:stuck`, { timestamp: String(Date.now()) })
  valkey.lists.set(`bull:${queue}:wait`, ['stuck'])
  return async () => {
    empty(stage)
    valkey.hashes.delete(`bull:${queue}:stuck`)
  }
}

/** So that nobody carries out later what was queued meanwhile. */
function empty({ valkey }: FaultStage): void {
  for (const kept of [valkey.lists, valkey.sets])
    for (const key of [...kept.keys()].filter(name => name.includes('ingestion'))) kept.delete(key)
}

async function refuseRows(stage: FaultStage, table: string): Promise<() => Promise<void>> {
  const { clickhouse } = stage
  await clickhouse.execute(`ALTER TABLE ${table} ADD CONSTRAINT none CHECK 0`)
  return async () => {
    empty(stage)
    await clickhouse.execute(`ALTER TABLE ${table} DROP CONSTRAINT none`)
  }
}

/** What is set, on both sides, without a deployment: what runs is as it was. */
async function setDual({ world, service }: FaultStage): Promise<() => Promise<void>> {
  const [web] = world.appRunner.services.values()
  const worker = service('langfuse_worker')
  if (web === undefined) throw new Error('The stage has no App Runner service')
  const configuration = structuredClone(web.configuration) as {
    SourceConfiguration: {
      ImageRepository: { ImageConfiguration: { RuntimeEnvironmentVariables: Record<string, string> } }
    }
  }
  const { ImageConfiguration } = configuration.SourceConfiguration.ImageRepository
  ImageConfiguration.RuntimeEnvironmentVariables[WRITE_MODE.name] = 'dual'
  const { document } = worker.taskDefinition
  const { containerDefinitions } = structuredClone(document) as {
    containerDefinitions: { environment: { name: string; value: string }[] }[]
  }
  containerDefinitions[0]?.environment.push({ name: WRITE_MODE.name, value: 'dual' })
  const undoes = [
    swap(web, { configuration: configuration as AppRunnerService['configuration'] }),
    swap(document as Record<string, unknown>, { containerDefinitions }),
  ]
  return async () => {
    for (const undo of undoes) await undo()
  }
}
