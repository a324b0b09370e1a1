import type { JsonObject } from '../../sandbox/aws/json.ts'
import type { CheckId } from '../../src/checks/run.ts'
import { type Expected, type Fault, type FaultStage, swap, until } from './fault.ts'
import { background, changeAnswer, insteadOfClickHouse } from './services.ts'

const GIB = 2 ** 30
const OUTSIDE = { network: 'task' }

/** What PostgreSQL has that Langfuse's migrations did not make, or the other way round. */
const postgresSchema: readonly Fault[] = [
  {
    name: 'a column of PostgreSQL was renamed by hand',
    row: 15,
    put: stage => renamed(stage, 'ALTER TABLE projects RENAME COLUMN', 'retention_days'),
    expects: [schema('failed', /column public\.projects\.retention_days is missing.* ADD COLUMN/)],
  },
  {
    name: 'a column of PostgreSQL was renamed by hand, seen by the agent',
    row: 15,
    inputs: OUTSIDE,
    put: stage => renamed(stage, 'ALTER TABLE projects RENAME COLUMN', 'retention_days'),
    expects: [schema('failed', /column public\.projects\.retention_days is missing.* ADD COLUMN/)],
  },
  {
    name: 'a column of PostgreSQL has another type',
    put: ({ postgres }) =>
      change(postgres, 'ALTER TABLE projects ALTER COLUMN retention_days TYPE bigint', [
        'ALTER TABLE projects ALTER COLUMN retention_days TYPE integer',
      ]),
    expects: [schema('failed', /retention_days has type bigint instead of integer.* TYPE integer/)],
  },
  {
    name: 'a table of PostgreSQL is gone',
    put: stage => renamed(stage, 'ALTER TABLE', 'automations'),
    expects: [schema('failed', /table public\.automations is missing/)],
  },
  {
    name: 'somebody gave a table of Langfuse a column that every insert fails on',
    put: ({ postgres }) =>
      change(postgres, 'ALTER TABLE automations ADD COLUMN owner text NOT NULL', [
        'ALTER TABLE automations DROP COLUMN owner',
      ]),
    expects: [schema('failed', /automations\.owner is not Langfuse's, is NOT NULL and has no default/)],
  },
  {
    name: 'an enum of PostgreSQL lacks a label',
    put: ({ postgres }) =>
      change(postgres, `ALTER TYPE "ScoreSource" RENAME VALUE 'EVAL' TO 'JUDGE'`, [
        `ALTER TYPE "ScoreSource" RENAME VALUE 'JUDGE' TO 'EVAL'`,
      ]),
    expects: [schema('failed', /enum public\."?ScoreSource"? has labels .*JUDGE.* instead of .*EVAL/)],
  },
  {
    name: 'an index of PostgreSQL is gone',
    put: stage => renamed(stage, 'ALTER INDEX', 'projects_org_id_idx'),
    expects: [schema('warning', /projects_org_id_idx is missing.* Restore it with `CREATE INDEX/)],
  },
  {
    name: 'CREATE INDEX CONCURRENTLY was broken off',
    put: async ({ postgres }) => {
      const name = 'background_migrations_name_key'
      await postgres.query(`DROP INDEX ${name}`)
      // All rows have the same 1.
      await postgres
        .query(`CREATE UNIQUE INDEX CONCURRENTLY ${name} ON background_migrations ((1))`)
        .catch(() => undefined)
      return async () => {
        await postgres.query(`DROP INDEX ${name}`)
        await postgres.query(`CREATE UNIQUE INDEX ${name} ON background_migrations (name)`)
      }
    },
    expects: [schema('warning', /background_migrations_name_key is invalid \(its CREATE INDEX CONCURRENTLY/)],
  },
  {
    name: 'a Postgres migration was applied from a changed file',
    put: ({ postgres }) => {
      const swapped = 'UPDATE "_prisma_migrations" SET checksum = reverse(checksum)'
      const one = `${swapped} WHERE migration_name = '20241206115829_remove_trace_score_observation_constraints'`
      return change(postgres, one, [one])
    },
    expects: [
      {
        check: 'postgres-migrations',
        state: 'warning',
        says: /20241206115829_\w+ was applied with content that no Langfuse release has/,
      },
    ],
  },
]

const COPY = '20241024_1730_migrate_traces_from_pg_to_ch'
const LOCKED = `finished_at = NULL, locked_at = now() AT TIME ZONE 'UTC'`

const backgroundMigrations: readonly Fault[] = [
  {
    name: 'the worker started before there was a table background_migrations',
    row: 16,
    put: stage => renamed(stage, 'ALTER TABLE', 'background_migrations'),
    expects: [
      says(
        'background-migrations',
        'failed',
        /no table background_migrations, .*Langfuse 3\.225\.4 needs \d+ rows? in it/,
      ),
      schema('failed', /table public\.background_migrations is missing/),
    ],
  },
  {
    name: "a newer release left a background migration that this worker's image has no script for",
    row: 17,
    put: ({ postgres }) =>
      change(
        postgres,
        `INSERT INTO background_migrations (id, name, script, args)
         VALUES ('fault', '20990101_of_a_newer_release', 'doSomethingNew', '{}')`,
        [`DELETE FROM background_migrations WHERE id = 'fault'`],
      ),
    expects: [says('background-migrations', 'failed', /no script in the worker's image.*Cannot find module/)],
  },
  {
    name: 'a background migration is running, and another waits behind it',
    row: 19,
    put: async ({ postgres }) => {
      const undo = await background(postgres, LOCKED)
      const other = `WHERE name = '20250102_backfill_billing_cycle_anchors'`
      const more = await change(postgres, `UPDATE background_migrations SET finished_at = NULL ${other}`, [
        `UPDATE background_migrations SET finished_at = now() ${other}`,
      ])
      return () => more().then(undo)
    },
    expects: [
      says(
        'background-migrations',
        'warning',
        /encrypt_blob_storage_secrets is running, and .*anchors is queued/,
      ),
    ],
  },
  {
    name: 'the worker is told to run no background migration, and one is open',
    put: async stage => {
      const undo = await background(stage.postgres, 'finished_at = NULL')
      const back = await workerVariable(stage, 'LANGFUSE_ENABLE_BACKGROUND_MIGRATIONS', 'false')
      return () => back().then(undo)
    },
    expects: [
      says(
        'background-migrations',
        'warning',
        /runs none \(LANGFUSE_ENABLE_BACKGROUND_MIGRATIONS is `false`/,
      ),
    ],
  },
  {
    name: 'a background migration failed when its connection broke, seen by the agent',
    row: 18,
    inputs: OUTSIDE,
    put: ({ postgres }) =>
      background(postgres, `failed_at = now(), failed_reason = 'socket hang up', finished_at = NULL`),
    expects: [
      says('background-migrations', 'failed', /failed with "socket hang up"\. Fix .*`rerun-background/),
    ],
  },
]

const clickhouse: readonly Fault[] = [
  {
    name: "ClickHouse's volume has another root directory, which is empty",
    put: stage => anotherDirectory(stage),
    expects: [
      says('clickhouse-data', 'failed', /is empty: it has no schema.*root directory or access point changed/),
      says('clickhouse-schema', 'failed', /at version 0, but Langfuse 3\.225\.4 needs 37/),
      // The one check says that data is gone, the other where it is.
      says(
        'efs-volume',
        'failed',
        /Revision clickhouse:\d+ used fsap-\w+\. ClickHouse answers \/ping but has no/,
      ),
    ],
    // There is nothing in it to look at, and the task definition is another one.
    also: ['clickhouse-tables', 'clickhouse-logs', 'efs-volume'],
  },
  {
    name: 'ClickHouse has its schema and lost its data',
    put: ({ postgres }) => {
      const where = `WHERE name = '${COPY}'`
      return change(postgres, `UPDATE background_migrations SET state = '{"maxDate":"2024"}' ${where}`, [
        `UPDATE background_migrations SET state = '{}' ${where}`,
      ])
    },
    expects: [
      says(
        'clickhouse-data',
        'failed',
        new RegExp(`its schema but no rows.*rerun-background-migrations: ${COPY}`),
      ),
    ],
  },
  {
    name: 'a table of ClickHouse is gone',
    put: stage => renamedInClickHouse(stage, 'scores'),
    expects: [tables('failed', /table scores is missing/)],
  },
  {
    name: 'a table of ClickHouse has another engine',
    put: async ({ clickhouse: { execute } }) => {
      await execute('RENAME TABLE blob_storage_file_log TO blob_storage_file_log_before')
      await execute(
        'CREATE TABLE blob_storage_file_log ENGINE = MergeTree ORDER BY id AS SELECT * FROM blob_storage_file_log_before',
      )
      return async () => {
        await execute('DROP TABLE blob_storage_file_log')
        await execute('RENAME TABLE blob_storage_file_log_before TO blob_storage_file_log')
      }
    },
    expects: [tables('failed', /blob_storage_file_log has engine MergeTree instead of Replacing/)],
  },
  {
    name: 'a column of ClickHouse is gone',
    put: async ({ clickhouse: { execute } }) => {
      await execute('ALTER TABLE traces RENAME COLUMN release TO release_before')
      return () => execute('ALTER TABLE traces RENAME COLUMN release_before TO release')
    },
    expects: [tables('failed', /column traces\.release is missing/)],
  },
  {
    name: 'a column of ClickHouse has another type',
    put: async ({ clickhouse: { execute } }) => {
      await execute('ALTER TABLE traces MODIFY COLUMN public UInt8')
      return () => execute('ALTER TABLE traces MODIFY COLUMN public Bool')
    },
    expects: [tables('warning', /column traces\.public is UInt8 instead of Bool/)],
  },
  {
    name: 'a view of ClickHouse is gone',
    row: 38,
    put: stage => renamedInClickHouse(stage, 'analytics_traces'),
    expects: [tables('failed', /view analytics_traces is missing/)],
  },
  {
    name: 'v3 runs on a ClickHouse that is too old',
    put: stage => versionOfClickHouse(stage, '23.8.16.16'),
    expects: [
      says(
        'clickhouse-minimum',
        'failed',
        /Langfuse 3\.225\.4 needs ClickHouse 24\.3 or newer, but 23\.8\.16\.16 is older/,
      ),
    ],
  },
  {
    name: 'v4 runs on a ClickHouse that is too old',
    on: 'v4',
    put: stage => versionOfClickHouse(stage, '25.8.1.1'),
    expects: [says('clickhouse-minimum', 'failed', /needs ClickHouse 25\.12.*Set `clickhouse-version`/)],
  },
  {
    name: "ClickHouse's own logs fill EFS",
    row: 36,
    put: stage =>
      answers(stage, 'total_bytes', [
        { database: 'default', name: 'traces', engine: 'X', rows: '5', bytes: `${GIB}` },
        { database: 'system', name: 'trace_log', engine: 'X', rows: '5', bytes: `${66 * GIB}` },
      ]),
    expects: [says('clickhouse-logs', 'warning', /66\.0 GiB of EFS .*TRUNCATE TABLE system\.trace_log/)],
  },
  {
    name: 'ClickHouse put broken parts aside after its version changed',
    row: 40,
    put: stage => answers(stage, 'system.detached_parts', [{ list: [['traces', 'broken-on-start', '3']] }]),
    expects: [
      says('clickhouse-parts', 'failed', /3 of traces \(broken-on-start\).*go back to the previous version/),
    ],
  },
  {
    name: 'a mutation of ClickHouse fails again and again',
    row: 35,
    put: stage => answers(stage, 'system.mutations', [mutation(60, 'Code: 241. Memory limit exceeded')]),
    expects: [says('clickhouse-mutations', 'warning', /m1\.txt of traces keeps failing \(Code: 241/)],
  },
  {
    name: 'a mutation of ClickHouse does not end',
    put: stage => answers(stage, 'system.mutations', [mutation(18_000, '')]),
    expects: [
      says('clickhouse-mutations', 'warning', /m1\.txt of traces has been running for 5 h with 4 parts/),
    ],
  },
  {
    name: 'ClickHouse refuses statements for memory',
    row: 35,
    put: stage => answers(stage, 'MemoryTracking', [memory({ refused: '12', last: '120' })]),
    expects: [
      says('clickhouse-memory', 'warning', /rejected 12 statements for lack of memory .*limit of 4\.0 GiB/),
    ],
  },
  {
    name: 'ClickHouse uses nearly all its memory',
    put: stage => answers(stage, 'MemoryTracking', [memory({ used: `${3.9 * GIB}` })]),
    expects: [says('clickhouse-memory', 'warning', /uses 3\.9 GiB of its limit of 4\.0 GiB/)],
  },
  {
    name: "Langfuse's user of ClickHouse may not read system.mutations",
    put: stage =>
      insteadOfClickHouse(stage, ({ body }) =>
        body.includes('system.mutations')
          ? {
              status: 403,
              body: 'Code: 497. DB::Exception: clickhouse: Not enough privileges. (ACCESS_DENIED)',
            }
          : undefined,
      ),
    expects: [says('clickhouse-mutations', 'inconclusive', /Not enough privileges/)],
  },
]

const QUEUE = 'bull:ingestion-queue'

const valkey: readonly Fault[] = [
  {
    name: 'the worker takes no jobs any more, and ECS calls it healthy',
    row: 23,
    put: async stage => waiting(stage, { active: [] }),
    expects: [says('valkey-queues', 'failed', /ingestion-queue \(2 waiting, the oldest for 60 min\).*Force/)],
  },
  {
    name: 'the worker takes no jobs any more, seen by the agent',
    row: 23,
    inputs: OUTSIDE,
    put: async stage => waiting(stage, { active: [] }),
    expects: [says('valkey-queues', 'failed', /ingestion-queue \(2 waiting, the oldest for 60 min\).*Force/)],
  },
  {
    name: 'the worker is an hour behind',
    row: 25,
    put: async stage => waiting(stage, { active: ['3'] }),
    expects: [
      says('valkey-queues', 'warning', /behind on ingestion-queue \(2 waiting, the oldest for 60 min/),
    ],
  },
  {
    name: 'Valkey runs in cluster mode, and the worker is not told',
    row: 24,
    put: async stage => swap(stage.valkey, { cluster: true }),
    expects: [says('valkey-cluster', 'failed', /cluster mode.*CROSSSLOT\. Set it on web and worker/)],
    // Of a cluster one node is asked.
    also: ['valkey-queues'],
  },
  {
    name: 'the worker is told of a cluster that Valkey is not',
    row: 24,
    put: stage => workerVariable(stage, 'REDIS_CLUSTER_ENABLED', 'true'),
    expects: [says('valkey-cluster', 'failed', /is not a cluster, so the worker cannot use the queues/)],
    // The web is told nothing of it.
    also: ['environment-pairs'],
  },
]

/** All of them, in the order of the table. */
export const DATABASE_FAULTS: readonly Fault[] = [
  ...postgresSchema,
  ...backgroundMigrations,
  ...clickhouse,
  ...valkey,
]

function says(check: CheckId, state: Expected['state'], sentence: RegExp): Expected {
  return { check, state, says: sentence }
}

function schema(state: Expected['state'], sentence: RegExp): Expected {
  return says('postgres-schema', state, sentence)
}

function tables(state: Expected['state'], sentence: RegExp): Expected {
  return says('clickhouse-tables', state, sentence)
}

/** Runs a statement; the answer runs those that undo it. */
async function change(postgres: FaultStage['postgres'], statement: string, undo: readonly string[]) {
  await postgres.query(statement)
  return async () => {
    for (const back of undo) await postgres.query(back)
  }
}

function renamed({ postgres }: FaultStage, what: string, name: string): Promise<() => Promise<void>> {
  const rename = (from: string, to: string) =>
    what.endsWith('COLUMN') ? `${what} ${from} TO ${to}` : `${what} ${from} RENAME TO ${to}`
  return change(postgres, rename(name, `${name}_before`), [rename(`${name}_before`, name)])
}

async function renamedInClickHouse({ clickhouse: { execute } }: FaultStage, name: string) {
  await execute(`RENAME TABLE ${name} TO ${name}_before`)
  return () => execute(`RENAME TABLE ${name}_before TO ${name}`)
}

/** ClickHouse is deployed on an access point whose directory is new. */
async function anotherDirectory(stage: FaultStage): Promise<() => Promise<void>> {
  const { service, world, files, discovery } = stage
  const before = service('clickhouse').taskDefinition
  const [volume] = before.document['volumes'] as readonly JsonObject[]
  const { id } = world.efs.createAccessPoint(files.id, { path: '/other', uid: 101, gid: 101 })
  const taskDefinition = await world.registerTaskDefinition({
    ...before.document,
    volumes: [
      {
        ...volume,
        efsVolumeConfiguration: {
          fileSystemId: files.id,
          transitEncryption: 'ENABLED',
          authorizationConfig: { accessPointId: id, iam: 'ENABLED' },
        },
      },
    ],
  })
  const deploy = async (arn: string) => {
    await world.call('ecs', 'UpdateService', {
      cluster: 'langfuse',
      service: 'clickhouse',
      taskDefinition: arn,
    })
    await until(
      `ClickHouse on ${arn}`,
      () =>
        service('clickhouse').steady &&
        service('clickhouse').taskDefinition.arn === arn &&
        [...discovery.instances.values()].every(({ health }) => health === 'HEALTHY'),
    )
  }
  await deploy(taskDefinition)
  return () => deploy(before.arn)
}

function answers(stage: FaultStage, to: string, rows: readonly object[]): Promise<() => Promise<void>> {
  const body = rows.map(row => `${JSON.stringify(row)}\n`).join('')
  return insteadOfClickHouse(stage, asked => (asked.body.includes(to) ? { status: 200, body } : undefined))
}

function versionOfClickHouse(stage: FaultStage, version: string): Promise<() => Promise<void>> {
  return answers(stage, 'version() AS version', [{ version, timezone: 'UTC' }])
}

function mutation(seconds: number, failure: string): object {
  return { list: [['traces', 'm1.txt', `${seconds}`, '4', failure]] }
}

function memory(over: object): object {
  return { used: `${GIB}`, maximum: `${4 * GIB}`, refused: '0', last: '0', ...over }
}

/** Two jobs, the older of an hour ago. */
function waiting({ valkey: { lists, hashes } }: FaultStage, { active }: { readonly active: string[] }) {
  lists.set(`${QUEUE}:wait`, ['2', '1'])
  lists.set(`${QUEUE}:active`, active)
  hashes.set(`${QUEUE}:1`, { timestamp: `${Date.now() - 3_600_000}` })
  return async () => {
    lists.delete(`${QUEUE}:wait`)
    lists.delete(`${QUEUE}:active`)
    hashes.delete(`${QUEUE}:1`)
  }
}

/** As its task definition shows it; a real one would restart the worker. */
async function workerVariable({ world }: FaultStage, name: string, value: string) {
  return changeAnswer(world, 'ecs.DescribeTaskDefinition', output => {
    const definition = output.taskDefinition as JsonObject
    if (definition.family !== 'langfuse-worker') return output
    const containers = (definition.containerDefinitions as readonly JsonObject[]).map(container => ({
      ...container,
      environment: [...((container.environment ?? []) as readonly JsonObject[]), { name, value }],
    }))
    return { ...output, taskDefinition: { ...definition, containerDefinitions: containers } }
  })
}
