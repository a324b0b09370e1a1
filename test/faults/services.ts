import { viewOf } from '../../sandbox/aws/apprunner/configuration.ts'
import type { AppRunnerService } from '../../sandbox/aws/apprunner/types.ts'
import type { Task } from '../../sandbox/aws/ecs/types.ts'
import { REGISTRY } from '../../sandbox/aws/ids.ts'
import type { JsonObject } from '../../sandbox/aws/json.ts'
import { CHECKS, type CheckId } from '../../src/checks/run.ts'
import { loadCatalog } from '../../src/schema/catalog.ts'
import { type Fault, type FaultStage, swap, until } from './fault.ts'
import { type Instead, intercept } from './intercept.ts'

/** Services and their tasks. */
const services: readonly Fault[] = [
  {
    name: 'the worker is scaled to 0 tasks',
    put: async ({ service }) => {
      const undo = swap(service('langfuse_worker'), { desiredCount: 0 })
      await until('stopped worker', () => runningTasks(service('langfuse_worker')).length === 0)
      return undo
    },
    expects: [{ check: 'worker-steady', state: 'failed', says: /scaled to 0 tasks: set its desired count/ }],
    // Nobody is left to say that it is healthy, or which databases it uses.
    also: ['worker-health', 'database-identity'],
  },
  {
    name: 'ClickHouse is scaled to 0 tasks',
    put: async ({ service, discovery }) => {
      const undo = swap(service('clickhouse'), { desiredCount: 0 })
      await until('stopped ClickHouse', () => discovery.instances.size === 0)
      return undo
    },
    expects: [
      { check: 'clickhouse-steady', state: 'failed', says: /scaled to 0 tasks: set its desired count/ },
      { check: 'cloud-map', state: 'failed', says: /does not resolve/ },
      { check: 'clickhouse-single-writer', state: 'failed', says: /has desired count 0, .*exactly one/ },
    ],
    also: insideClickHouse(),
  },
  {
    name: 'a deployment of the worker hangs: its new health check never passes',
    put: stage => hangingDeployment(stage),
    expects: [
      {
        check: 'worker-steady',
        state: 'failed',
        says: /2 deployments at once: wait for the rollout to finish\. If it does not, read the last service event: \(service/,
      },
    ],
  },
  {
    name: "the worker's deployment failed, and its circuit breaker does not roll back",
    put: async ({ service }) => {
      const [deployment] = service('langfuse_worker').deployments
      if (deployment === undefined) throw new Error('no deployment')
      return swap(deployment, {
        rolloutState: 'FAILED',
        rolloutStateReason: 'ECS deployment circuit breaker: tasks failed to start.',
      })
    },
    expects: [
      {
        check: 'worker-steady',
        state: 'failed',
        says: /its deployment failed: ECS deployment circuit breaker: tasks failed to start/,
      },
    ],
  },
  {
    name: 'a worker task of an older revision still runs',
    put: async ({ service, world }) => {
      const worker = service('langfuse_worker')
      const undo = swap(taskOf(worker), { taskDefinition: { ...worker.taskDefinition, arn: OLD_REVISION } })
      return async () => {
        await undo()
        world.faults.clear()
      }
    },
    expects: [{ check: 'worker-steady', state: 'failed', says: /still runs .*langfuse-worker:7/ }],
  },
  {
    name: 'ECS has no capacity to start the worker again',
    put: async ({ service, world }) => {
      const worker = service('langfuse_worker')
      const undo = swap(worker, { nextStartAt: Number.MAX_SAFE_INTEGER })
      const [task] = runningTasks(worker)
      await world.call('ecs', 'StopTask', { cluster: 'langfuse', task: task?.arn })
      await until('stopped worker', () => runningTasks(worker).length === 0)
      const message = `(service ${worker.name}) was unable to place a task. Reason: Capacity is unavailable at this time.`
      worker.events.unshift({ id: world.ids.uuid(), createdAt: world.clock.now(), message })
      return undo
    },
    expects: [
      {
        check: 'worker-steady',
        state: 'failed',
        says: /runs 0 of 1 tasks\. Check its stopped tasks.*Capacity is unavailable/,
      },
    ],
    // Nobody is left to say that it is healthy, or which databases it uses.
    also: ['worker-health', 'database-identity'],
  },
  {
    name: "ClickHouse's container fails its health check",
    put: async ({ service, world }) =>
      changeAnswer(world, 'ecs.DescribeTasks', unhealthy(service('clickhouse'))),
    expects: [{ check: 'clickhouse-steady', state: 'failed', says: /fails its container health check/ }],
  },
  {
    name: 'ClickHouse wants two tasks on one EFS',
    row: 30,
    put: async ({ service }) =>
      swap(service('clickhouse'), { desiredCount: 2, nextStartAt: Number.MAX_SAFE_INTEGER }),
    expects: [
      {
        check: 'clickhouse-single-writer',
        state: 'failed',
        says: /has desired count 2, .*exactly one task: set its desired count to 1/,
      },
      { check: 'clickhouse-steady', state: 'failed', says: /runs 1 of 2 tasks/ },
    ],
  },
]

/** The web on App Runner, and what it says. */
const web: readonly Fault[] = [
  {
    name: 'App Runner is in the middle of an operation',
    put: async stage => {
      const web = webOf(stage)
      const [last] = web.operations
      if (last === undefined) throw new Error('no operation')
      const open = { ...last, type: 'START_DEPLOYMENT', status: 'IN_PROGRESS', endedAt: undefined } as const
      return swap(web, { operations: [open, ...web.operations], status: 'OPERATION_IN_PROGRESS' })
    },
    expects: [{ check: 'web-steady', state: 'failed', says: /is busy: START_DEPLOYMENT .* is IN_PROGRESS/ }],
  },
  {
    name: 'App Runner is paused',
    put: async stage => {
      const web = webOf(stage)
      await stage.world.call('apprunner', 'PauseService', { ServiceArn: web.arn })
      await until('pause', () => web.status === 'PAUSED')
      return async () => {
        await stage.world.call('apprunner', 'ResumeService', { ServiceArn: web.arn })
        await until('web', () => web.status === 'RUNNING')
      }
    },
    expects: [
      { check: 'web-steady', state: 'failed', says: /is PAUSED, .*: resume or repair it/ },
      { check: 'web-health', state: 'failed', says: /did not answer/ },
    ],
    also: ['web-version'],
  },
  {
    name: "App Runner could not create the web's service",
    put: async stage => swap(webOf(stage), { status: 'CREATE_FAILED' }),
    expects: [{ check: 'web-steady', state: 'failed', says: /is CREATE_FAILED/ }],
  },
  {
    name: 'the web answers 503',
    put: stage =>
      insteadOfWeb(stage, () => ({
        status: 503,
        body: JSON.stringify({ status: 'Database not available', version: stage.release }),
      })),
    expects: [{ check: 'web-health', state: 'failed', says: /answers 503/ }],
  },
  {
    name: 'at the public address there is something else than Langfuse',
    put: stage => insteadOfWeb(stage, () => ({ status: 200, body: '<!DOCTYPE html><title>Parked</title>' })),
    expects: [
      {
        check: 'web-health',
        state: 'inconclusive',
        says: /200, but not with Langfuse's health report: check input `url`/,
      },
      { check: 'web-version', state: 'inconclusive', says: /reports no version/ },
    ],
  },
  {
    name: 'the image is mislabelled: it holds 2.95.1',
    row: 2,
    put: stage =>
      insteadOfWeb(stage, () => ({ status: 200, body: JSON.stringify({ status: 'OK', version: '2.95.1' }) })),
    expects: [
      {
        check: 'web-version',
        state: 'failed',
        says: /reports 2\.95\.1, not 3\.225\.4\. Deploy 3\.225\.4 again\..* the image has a wrong tag/,
      },
    ],
  },
  {
    name: 'App Runner rolled back by itself and calls the older web RUNNING',
    row: 31,
    put: async stage => {
      const web = webOf(stage)
      const { image } = viewOf(web.configuration)
      const older = image.replace(stage.release, '3.225.3')
      stage.world.pushImage({
        repository: 'langfuse-web',
        tags: ['3.225.3'],
        program: { kind: 'web', release: '3.225.3' },
      })
      const text = JSON.stringify(web.configuration).replace(image, older)
      const before = swap(web, { configuration: JSON.parse(text) as JsonObject })
      const stub = await insteadOfWeb(stage, () => ({
        status: 200,
        body: JSON.stringify({ status: 'OK', version: '3.225.3' }),
      }))
      return async () => {
        await stub()
        await before()
        stage.world.images.remove(`${REGISTRY}/langfuse-web:3.225.3`)
      }
    },
    expects: [
      {
        check: 'one-release',
        state: 'failed',
        says: /The web runs 3\.225\.3 and the worker 3\.225\.4: deploy one exact release/,
      },
    ],
  },
  {
    name: 'the worker cannot reach what it needs',
    row: 23,
    put: async stage =>
      intercept(stage, { address: taskOf(stage.service('langfuse_worker')).address, port: 3030 }, () => ({
        status: 500,
        body: '{"status":"error"}',
      })),
    expects: [
      {
        check: 'worker-health',
        state: 'failed',
        says: /answers 500 on \/api\/health, so PostgreSQL or Valkey/,
      },
    ],
    also: ['database-identity'],
  },
]

const STALE = '10.0.11.199'

/** ClickHouse's name. */
const discovery: readonly Fault[] = [
  {
    name: 'Cloud Map has no instance of ClickHouse',
    row: 27,
    put: async ({ discovery }) => {
      const instances = [...discovery.instances]
      discovery.instances.clear()
      return async () => {
        for (const [id, instance] of instances) discovery.instances.set(id, instance)
      }
    },
    expects: [
      { check: 'cloud-map', state: 'failed', says: /does not resolve: Cloud Map has no instance/ },
      { check: 'clickhouse-name', state: 'failed', says: /has no address inside the VPC/ },
    ],
    also: insideClickHouse(),
  },
  {
    name: "beside ClickHouse's instance Cloud Map has a stale one",
    put: async stage => {
      const { world, discovery, service } = stage
      const { address } = taskOf(service('clickhouse'))
      // Whichever address a client takes, it is answered: only the registration is wrong.
      const close = world.network.publish(STALE, 8123, portAt(stage, address, 8123))
      world.cloudMap.register(discovery, 'stale', { AWS_INSTANCE_IPV4: STALE })
      return async () => {
        world.cloudMap.deregister(discovery, 'stale')
        close()
      }
    },
    expects: [
      {
        check: 'cloud-map',
        state: 'failed',
        says: /resolves to 2 addresses \(.*10\.0\.11\.199.*\), but only one can be ClickHouse: deregister/,
      },
      { check: 'clickhouse-name', state: 'failed', says: /10\.0\.11\.199, where no ClickHouse task runs/ },
    ],
  },
  {
    name: 'Cloud Map knows ClickHouse by the address of a task that is gone',
    put: async ({ discovery }) => {
      const instances = [...discovery.instances]
      for (const [id, instance] of instances)
        discovery.instances.set(id, { ...instance, attributes: { AWS_INSTANCE_IPV4: STALE } })
      return async () => {
        for (const [id, instance] of instances) discovery.instances.set(id, instance)
      }
    },
    expects: [
      {
        check: 'cloud-map',
        state: 'failed',
        says: /resolves to 10\.0\.11\.199, but the running task has .*\. Deregister the stale instance/,
      },
      { check: 'clickhouse-name', state: 'failed', says: /10\.0\.11\.199, where no ClickHouse task runs/ },
    ],
    also: insideClickHouse(),
  },
  {
    name: 'Cloud Map calls the running ClickHouse unhealthy',
    put: async ({ discovery }) => {
      const [instance] = discovery.instances.values()
      if (instance === undefined) throw new Error('no instance')
      return swap(instance, { health: 'UNHEALTHY' })
    },
    expects: [{ check: 'cloud-map', state: 'failed', says: /which Cloud Map reports as UNHEALTHY/ }],
  },
  {
    name: 'the resolver of the VPC still gives an address that Cloud Map has forgotten',
    put: async stage => {
      const { network } = stage.world
      const { address } = taskOf(stage.service('clickhouse'))
      const close = network.publish(STALE, 8123, portAt(stage, address, 8123))
      const { resolve } = network
      const undo = swap(network, {
        resolve: name => (name === 'clickhouse.langfuse.local' ? [STALE] : resolve(name)),
      })
      return async () => {
        await undo()
        close()
      }
    },
    expects: [
      {
        check: 'clickhouse-name',
        state: 'failed',
        says: /Inside the VPC clickhouse\.langfuse\.local resolves to 10\.0\.11\.199.*DNS drops it after its TTL/,
      },
    ],
  },
  {
    name: "ClickHouse's service registers in no Cloud Map service",
    put: async ({ service }) => {
      const clickhouse = service('clickhouse')
      const { serviceRegistries: _registries, ...settings } = clickhouse.settings
      return swap(clickhouse, { settings })
    },
    expects: [
      { check: 'cloud-map', state: 'warning', says: /is not registered in Cloud Map, so web and worker/ },
    ],
    // There are no settings to look at.
    also: ['cloud-map-settings'],
  },
]

const NEW_HEAD = 46

/** PostgreSQL, ClickHouse and Valkey. */
const store: readonly Fault[] = [
  {
    name: "ClickHouse's task runs, but does not listen",
    put: async stage => {
      const { address } = taskOf(stage.service('clickhouse'))
      const port = portAt(stage, address, 8123)
      stage.world.network.publish(address, 8123, port)()
      return async () => void stage.world.network.publish(address, 8123, port)
    },
    expects: [{ check: 'clickhouse-ping', state: 'failed', says: /cannot be reached.*ECONNREFUSED/ }],
    also: insideClickHouse('clickhouse-name'),
  },
  {
    name: 'a security group keeps this runner from ClickHouse',
    put: stage => keepOut(stage, 8123),
    expects: [{ check: 'clickhouse-ping', state: 'failed', says: /security group.*ETIMEDOUT/ }],
    also: insideClickHouse('clickhouse-name'),
  },
  {
    name: 'at the place of ClickHouse something else answers /ping',
    put: stage =>
      insteadOfClickHouse(stage, ({ path }) =>
        path.startsWith('/ping') ? { status: 200, body: '<html>It works!</html>' } : undefined,
      ),
    expects: [{ check: 'clickhouse-ping', state: 'failed', says: /answers \/ping, but not with Ok/ }],
  },
  {
    name: "ClickHouse's schema is dirty",
    row: 8,
    put: stage => setHead(stage, 36, 1),
    expects: [
      {
        check: 'clickhouse-schema',
        state: 'failed',
        says: /dirty at version 36, so no web can start .* then run golang-migrate `force 35`/,
      },
    ],
    also: ['clickhouse-tables'],
  },
  {
    name: "ClickHouse's schema is that of v4, and v3 runs",
    row: 3,
    put: stage => setHead(stage, NEW_HEAD, 0),
    expects: [
      {
        check: 'clickhouse-schema',
        state: 'failed',
        says: /at version 46, but Langfuse 3\.225\.4 knows only 37, .*"no migration found for version 46"/,
      },
      // Only the number is that of v4.
      { check: 'clickhouse-tables', state: 'failed', says: /version 46: table events_core is missing/ },
    ],
  },
  {
    name: "ClickHouse's migrations did not all run",
    row: 15,
    put: stage => setHead(stage, 36, 0),
    expects: [
      {
        check: 'clickhouse-schema',
        state: 'failed',
        says: /at version 36, but Langfuse 3\.225\.4 needs 37: its ClickHouse migrations have/,
      },
    ],
  },
  {
    name: 'ClickHouse is not in UTC',
    put: stage =>
      insteadOfClickHouse(stage, ({ body }) =>
        body.includes('timezone()')
          ? { status: 200, body: '{"version":"25.12.3.1","timezone":"Asia/Tokyo"}\n' }
          : undefined,
      ),
    expects: [
      { check: 'clickhouse-schema', state: 'failed', says: /timezone is Asia\/Tokyo: Langfuse needs UTC/ },
    ],
  },
  {
    name: 'ClickHouse has 0.5 GiB left',
    put: stage => freeSpace(stage, 2 ** 29),
    expects: [
      {
        check: 'clickhouse-disk',
        state: 'failed',
        says: /has only 0\.5 GiB left\. When it is full, ClickHouse rejects writes/,
      },
    ],
  },
  {
    name: 'ClickHouse has 3 GiB left',
    put: stage => freeSpace(stage, 3 * 2 ** 30),
    expects: [{ check: 'clickhouse-disk', state: 'warning', says: /has 3\.0 GiB left\. Merges need/ }],
  },
  {
    name: 'a Postgres migration was killed half-way',
    row: 10,
    put: async ({ postgres }) => {
      const name = await lastMigration(postgres)
      const { rows } = await postgres.query(
        `UPDATE "_prisma_migrations" SET finished_at = NULL WHERE migration_name = $1 RETURNING id`,
        [name],
      )
      return async () => {
        const undo = 'UPDATE "_prisma_migrations" SET finished_at = now() WHERE id = $1'
        await postgres.query(undo, [rows[0]?.id])
      }
    },
    expects: [
      { check: 'postgres-migrations', state: 'failed', says: /20260721120000_.* never finished, .*P3009/ },
    ],
    also: ['postgres-schema'],
  },
  {
    name: 'a Postgres migration of the release did not run',
    row: 14,
    put: ({ postgres }) => withoutLastMigration(postgres),
    expects: [
      {
        check: 'postgres-migrations',
        state: 'failed',
        says: /3\.225\.4 needs Postgres migration 20260721120000_/,
      },
      // What it made is there all the same.
      { check: 'postgres-schema', state: 'warning', says: /SCORES_BOOLEAN instead of/ },
    ],
  },
  {
    name: 'a newer release has migrated PostgreSQL',
    row: 1,
    put: async ({ postgres }) => {
      await postgres.query(
        `INSERT INTO "_prisma_migrations" (id, checksum, finished_at, migration_name, applied_steps_count)
         VALUES ('fault', repeat('0', 64), now(), '20270101000000_of_a_newer_release', 1)`,
      )
      return async () => void (await postgres.query(`DELETE FROM "_prisma_migrations" WHERE id = 'fault'`))
    },
    expects: [
      {
        check: 'postgres-migrations',
        state: 'warning',
        says: /1 migration that Langfuse 3\.225\.4 does not know \(20270101000000_of_a_newer_release\)/,
      },
    ],
    also: ['postgres-schema'],
  },
  {
    name: 'a rollback was begun and not finished',
    put: async ({ postgres }) => {
      await postgres.query(loadCatalog(new URL('../../', import.meta.url)).toolbox('postgres'))
      await postgres.query(
        `INSERT INTO langfuse_rollout.journal (store, migration, rollback_id, phase)
         VALUES ('clickhouse', '0037', 'a', 'expand')`,
      )
      return async () => void (await postgres.query('DROP SCHEMA langfuse_rollout CASCADE'))
    },
    expects: [
      {
        check: 'postgres-migrations',
        state: 'failed',
        says: /started but not finished \(0037\): run the rollback action/,
      },
    ],
    also: ['postgres-schema'],
  },
  {
    name: 'a background migration failed',
    row: 21,
    put: ({ postgres }) =>
      background(postgres, `failed_at = now(), failed_reason = 'MEMORY_LIMIT_EXCEEDED', finished_at = NULL`),
    expects: [
      {
        check: 'background-migrations',
        state: 'failed',
        says: /encrypt_blob_storage_secrets failed with "MEMORY_LIMIT_EXCEEDED"\. Fix the cause, then deploy/,
      },
    ],
  },
  {
    name: 'a background migration has not finished, and nobody is at it',
    row: 18,
    put: ({ postgres }) => background(postgres, 'finished_at = NULL, locked_at = NULL'),
    expects: [
      {
        check: 'background-migrations',
        state: 'warning',
        says: /encrypt_blob_storage_secrets is stalled: .* `rerun-background-migrations: 2026/,
      },
    ],
  },
  {
    name: 'PostgreSQL cannot be reached from here',
    put: stage => keepOut(stage, 5432),
    expects: [{ check: 'postgres-migrations', state: 'failed', says: /ETIMEDOUT|timeout/i }],
    // Whether an empty ClickHouse is one that lost its data only PostgreSQL knows; its host was not seen either.
    also: [
      ...insideAbout('postgres', 'postgres-migrations'),
      'clickhouse-data',
      'database-backups',
      'database-version',
      'path-to-postgres',
    ],
  },
  {
    name: 'Valkey evicts what it likes (volatile-lru)',
    row: 26,
    put: async ({ valkey }) => swap(valkey, { policy: 'volatile-lru' }),
    expects: [{ check: 'valkey', state: 'warning', says: /maxmemory-policy volatile-lru.*Set `noeviction`/ }],
  },
  {
    name: 'Valkey has evicted keys, so queues stand still',
    row: 23,
    put: async ({ valkey }) => swap(valkey, { policy: 'volatile-lru', evicted: 1_200 }),
    expects: [
      {
        check: 'valkey',
        state: 'failed',
        says: /has evicted 1200 keys .*events were lost or a queue is stuck/,
      },
    ],
  },
  {
    name: 'Valkey is full',
    put: async ({ valkey }) => swap(valkey, { used: valkey.maximum * 0.97 }),
    expects: [{ check: 'valkey', state: 'failed', says: /uses 97 % of its memory/ }],
  },
  {
    name: 'Valkey cannot be reached from here',
    put: stage => keepOut(stage, 6379),
    expects: [{ check: 'valkey', state: 'failed', says: /ETIMEDOUT|cannot be reached/ }],
    also: insideAbout('valkey', 'valkey'),
  },
]

const OUTSIDE = { network: 'task' }

/** Seen from outside the VPC, by an agent. */
const agent: readonly Fault[] = [
  {
    name: 'the agent may not be started (iam: ecs:RunTask)',
    inputs: OUTSIDE,
    put: ({ world }) => denied(world, 'ecs.RunTask'),
    expects: [{ check: 'postgres-migrations', state: 'inconclusive', says: /ecs:RunTask/ }],
    also: [...allInside('postgres-migrations'), 'efs-mounted'],
  },
  {
    name: "the agent's log may not be read (iam: logs:GetLogEvents)",
    inputs: OUTSIDE,
    put: ({ world }) => denied(world, 'logs.GetLogEvents'),
    expects: [{ check: 'postgres-migrations', state: 'inconclusive', says: /logs:GetLogEvents/ }],
    also: [...allInside('postgres-migrations'), 'efs-mounted'],
  },
  {
    name: "the agent's image cannot be pulled",
    inputs: OUTSIDE,
    put: async ({ world }) => {
      world.taskFaults.add({
        family: 'langfuse-worker-agent',
        stoppedReason: 'CannotPullContainerError: pull image manifest has been retried 1 time(s)',
      })
      return async () => world.taskFaults.clear()
    },
    expects: [{ check: 'postgres-migrations', state: 'inconclusive', says: /CannotPullContainerError/ }],
    also: allInside('postgres-migrations'),
  },
]

/** The web on an ECS service, and v4. */
const elsewhere: readonly Fault[] = [
  {
    name: 'the web, on an ECS service, is scaled to 0 tasks',
    on: 'ecs',
    put: async ({ service }) => {
      const undo = swap(service('langfuse_web'), { desiredCount: 0 })
      await until('stopped web', () => runningTasks(service('langfuse_web')).length === 0)
      return undo
    },
    expects: [
      { check: 'web-steady', state: 'failed', says: /Web \(ECS service langfuse_web\) is scaled to 0 tasks/ },
      { check: 'web-health', state: 'failed', says: /did not answer/ },
    ],
    also: ['web-version'],
  },
  {
    name: 'v4 runs on the ClickHouse schema of v3',
    row: 15,
    on: 'v4',
    put: stage => setHead(stage, 37, 0),
    expects: [
      {
        check: 'clickhouse-schema',
        state: 'failed',
        says: /at version 37, but Langfuse 4\.16\.0 needs 46: its ClickHouse migrations have/,
      },
      // Only the number is that of v3.
      { check: 'clickhouse-tables', state: 'failed', says: /version 37: table dataset_run_items is missing/ },
    ],
  },
  {
    name: "v4's text indexes failed on an old ClickHouse",
    row: 7,
    on: 'v4',
    put: stage => setHead(stage, 39, 1),
    expects: [{ check: 'clickhouse-schema', state: 'failed', says: /dirty at version 39, .* `force 38`/ }],
    also: ['clickhouse-tables'],
  },
]

/** All of them, in the order of the table. */
export const SERVICE_FAULTS: readonly Fault[] = [
  ...services,
  ...web,
  ...discovery,
  ...store,
  ...agent,
  ...elsewhere,
]

/** Checks that look inside the VPC, but for one. */
function allInside(but: CheckId): readonly CheckId[] {
  const inside = CHECKS.filter(({ id, needs }) => needs.includes('inside') && id !== but)
  return [...inside.map(({ id }) => id), 'database-backups', 'database-version', 'path-to-postgres']
}

function insideAbout(
  part: 'postgres' | 'valkey' | 'clickhouse',
  ...but: readonly CheckId[]
): readonly CheckId[] {
  const about = CHECKS.filter(check => check.needs.includes('inside') && check.about.includes(part)).filter(
    // What proves that the others are this stack's is read elsewhere.
    ({ id }) => part === 'postgres' || id !== 'database-identity',
  )
  return about.map(({ id }) => id).filter(id => !but.includes(id))
}

/** Whoever asks ClickHouse by a name that leads nowhere, or to nobody, gets no answer. */
export function insideClickHouse(...but: readonly CheckId[]): readonly CheckId[] {
  return insideAbout('clickhouse', ...but)
}

const OLD_REVISION = 'arn:aws:ecs:ap-northeast-1:123456789012:task-definition/langfuse-worker:7'

type Service = ReturnType<FaultStage['service']>
type World = FaultStage['world']

function runningTasks(service: Service): readonly Task[] {
  return [...service.cluster.tasks.values()].filter(
    task => task.service === service && task.lastStatus === 'RUNNING',
  )
}

function taskOf(service: Service): Task {
  const [task] = runningTasks(service)
  if (task === undefined) throw new Error(`${service.name} runs no task`)
  return task
}

function webOf({ world }: FaultStage): AppRunnerService {
  const [web] = world.appRunner.services.values()
  if (web === undefined) throw new Error('The stage has no web on App Runner')
  return web
}

async function hangingDeployment({ service, world }: FaultStage): Promise<() => Promise<void>> {
  const worker = service('langfuse_worker')
  const before = worker.taskDefinition
  const [container] = before.document['containerDefinitions'] as readonly JsonObject[]
  const command = ['CMD-SHELL', 'wget -q --spider http://localhost:3030/nothing || exit 1']
  const taskDefinition = await world.registerTaskDefinition({
    ...before.document,
    containerDefinitions: [
      { ...container, healthCheck: { command, startPeriod: 300, retries: 10, interval: 300 } },
    ],
  })
  const update = (arn: string) =>
    world.call('ecs', 'UpdateService', { cluster: 'langfuse', service: worker.name, taskDefinition: arn })
  await update(taskDefinition)
  await until('second worker', () => areHealthy(world, runningTasks(worker), 2))
  return async () => void (await update(before.arn))
}

async function areHealthy({ network }: World, tasks: readonly Task[], count: number): Promise<boolean> {
  const endpoints = tasks.flatMap(({ address }) => {
    const route = network.route({ host: address, port: 3030, source: 'person' })
    return 'port' in route ? [`http://127.0.0.1:${route.port}/api/health`] : []
  })
  const answers = await Promise.all(
    endpoints.map(endpoint => fetch(endpoint).then(({ ok }) => ok)).map(ok => ok.catch(() => false)),
  )
  return answers.filter(Boolean).length === count
}

/** The task as DescribeTasks shows it; ECS itself would replace it within seconds. */
function unhealthy(service: Service) {
  return (output: JsonObject): JsonObject => ({
    ...output,
    tasks: (output.tasks as readonly JsonObject[]).map(task =>
      task.group === `service:${service.name}` ? { ...task, healthStatus: 'UNHEALTHY' } : task,
    ),
  })
}

export function changeAnswer(world: World, operation: string, change: (output: JsonObject) => JsonObject) {
  world.faults.add({ operation, kind: { change }, times: Number.POSITIVE_INFINITY })
  return async () => world.faults.clear()
}

async function denied(world: World, operation: string): Promise<() => Promise<void>> {
  world.faults.add({ operation, kind: 'access-denied', times: Number.POSITIVE_INFINITY })
  return async () => world.faults.clear()
}

/** Something else answers behind App Runner's door. */
async function insteadOfWeb(stage: FaultStage, instead: Instead): Promise<() => Promise<void>> {
  const web = webOf(stage)
  if (web.instance === undefined) throw new Error('The web has no instance')
  const { address, port } = { address: '10.0.99.99', port: 3000 }
  const close = stage.world.network.publish(address, port, web.instance.port)
  const takeAway = await intercept(stage, { address, port }, instead)
  const undo = swap(web.instance, { port: portAt(stage, address, port) })
  return async () => {
    await undo()
    await takeAway()
    close()
  }
}

export function insteadOfClickHouse(stage: FaultStage, instead: Instead): Promise<() => Promise<void>> {
  return intercept(stage, { address: taskOf(stage.service('clickhouse')).address, port: 8123 }, instead)
}

function portAt({ world }: FaultStage, address: string, port: number): number {
  const route = world.network.route({ host: address, port, source: 'person' })
  if ('port' in route) return route.port
  throw new Error(`Nobody answers at ${address}:${port}`)
}

/** As a security group does: nothing comes back. */
async function keepOut({ world: { network } }: FaultStage, port: number): Promise<() => Promise<void>> {
  const { allows } = network
  return swap(network, {
    allows: asked => !(asked.source === 'runner' && asked.port === port) && allows(asked),
  })
}

/** As golang-migrate says it: the newest row counts. */
async function setHead({ clickhouse }: FaultStage, version: number, dirty: number) {
  const [before] = await clickhouse.query(
    'SELECT version, dirty FROM schema_migrations ORDER BY sequence DESC LIMIT 1',
  )
  const insert = (head: unknown, flag: unknown) =>
    clickhouse.execute(
      `INSERT INTO schema_migrations SELECT ${head}, ${flag}, max(sequence) + 1 FROM schema_migrations`,
    )
  await insert(version, dirty)
  return () => insert(before?.['version'], before?.['dirty'])
}

function freeSpace(stage: FaultStage, bytes: number): Promise<() => Promise<void>> {
  return insteadOfClickHouse(stage, ({ body }) =>
    body.includes('system.disks')
      ? { status: 200, body: `{"name":"default","free":"${bytes}","total":"${2 ** 40}"}\n` }
      : undefined,
  )
}

type Postgres = FaultStage['postgres']

async function lastMigration(postgres: Postgres): Promise<string> {
  const { rows } = await postgres.query('SELECT max(migration_name) AS name FROM "_prisma_migrations"')
  return String(rows[0]?.name)
}

async function withoutLastMigration(postgres: Postgres): Promise<() => Promise<void>> {
  const name = await lastMigration(postgres)
  await postgres.query('UPDATE "_prisma_migrations" SET migration_name = $2 WHERE migration_name = $1', [
    name,
    '19700101000000_hidden',
  ])
  await postgres.query(
    `UPDATE "_prisma_migrations" SET rolled_back_at = now() WHERE migration_name = '19700101000000_hidden'`,
  )
  return async () => {
    await postgres.query(
      `UPDATE "_prisma_migrations" SET migration_name = $1, rolled_back_at = NULL
       WHERE migration_name = '19700101000000_hidden'`,
      [name],
    )
  }
}

export async function background(postgres: Postgres, change: string): Promise<() => Promise<void>> {
  const where = `WHERE name = '20260106_encrypt_blob_storage_secrets'`
  const { rows } = await postgres.query(`SELECT * FROM background_migrations ${where}`)
  await postgres.query(`UPDATE background_migrations SET ${change} ${where}`)
  return async () => {
    await postgres.query(
      `UPDATE background_migrations SET finished_at = $1, failed_at = $2, failed_reason = $3, locked_at = $4 ${where}`,
      [rows[0]?.finished_at, rows[0]?.failed_at, rows[0]?.failed_reason, rows[0]?.locked_at],
    )
  }
}
