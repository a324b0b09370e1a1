import { explain } from '../errors/explain.ts'
import type { StackConfig } from '../inputs/config.ts'
import type { DatabaseCluster } from '../ports/backup.ts'
import type { Cloud } from '../ports/cloud.ts'
import type { DataApiAddress } from '../ports/data-api.ts'
import type { Postgres } from '../ports/databases.ts'
import { chooseCluster, databaseHosts } from './backup.ts'
import type { EcsComponent, Observed } from './stack.ts'
import { known, unknown } from './stack.ts'

/**
 * The way to Langfuse's PostgreSQL through Aurora's Data API, for who has no other. Known only once Langfuse's own
 * table was seen there, with a user that may do what its owner may; else the reason says what to change. Never throws.
 */
export async function findDataApi(
  config: StackConfig,
  worker: EcsComponent,
  cloud: Pick<Cloud, 'aurora' | 'dataApi' | 'region'>,
): Promise<Observed<Postgres>> {
  try {
    const seen = { container: worker.container, environment: worker.container.environment }
    const hosts = databaseHosts(config, { worker: seen, web: seen })
    const cluster = chooseCluster(await cloud.aurora.clusters(), hosts, cloud.region)
    if (!cluster.known) return cluster
    if (cluster.value === undefined) return unusable(`${cloud.region} has no Aurora PostgreSQL cluster`)
    const address = addressOf(cluster.value, worker)
    return typeof address === 'string' ? unusable(address) : await tried(address, cluster.source, cloud)
  } catch (error) {
    return unusable(explain(error))
  }
}

function unusable(reason: string): Observed<never> {
  return unknown(reason, 'not-asked')
}

/** What the Data API is asked with, or why it cannot be asked. */
function addressOf(cluster: DatabaseCluster, worker: EcsComponent): DataApiAddress | string {
  const { id, arn, secret } = cluster
  if (cluster.httpEndpoint !== true || arn === undefined) {
    return `Aurora cluster ${id} has its Data API off (\`aws rds enable-http-endpoint --resource-arn …\` turns it on)`
  }
  if (secret === undefined) {
    return `RDS keeps no secret for the master user of Aurora cluster ${id}, and the Data API takes no other (\`manage_master_user_password\` makes one)`
  }
  const database = databaseOf(worker) ?? cluster.database
  if (database === undefined)
    return `nothing visible says which database of Aurora cluster ${id} is Langfuse's`
  return { name: id, cluster: arn, secret, database }
}

/** As Langfuse's entrypoint puts DATABASE_URL together where it is not given. */
function databaseOf({ container: { environment } }: EcsComponent): string | undefined {
  const { DATABASE_URL: url = '', DATABASE_NAME: name = '' } = environment
  const inUrl = URL.canParse(url) ? decodeURIComponent(new URL(url).pathname.slice(1)) : ''
  return inUrl || name || undefined
}

const ownerSql = `SELECT current_user::text AS "user", pg_get_userbyid(relowner)::text AS owner,
    pg_has_role(current_user, relowner, 'MEMBER') AS member
  FROM pg_class WHERE oid = to_regclass('public._prisma_migrations')`

/** Everything that is made must be the owner's: a table of another role Langfuse could not read. */
async function tried(
  address: DataApiAddress,
  source: string,
  { dataApi }: Pick<Cloud, 'dataApi'>,
): Promise<Observed<Postgres>> {
  const session = await dataApi.postgres(address).connect()
  try {
    const [row] = await session.run(ownerSql)
    const { user, owner, member } = row ?? {}
    const place = `database ${address.database} of Aurora cluster ${address.name}`
    if (row === undefined) return unusable(`${place} has no table of Langfuse's`)
    if (member !== true) {
      return unusable(
        `Langfuse's tables in ${place} are ${owner}'s, and ${user}, whose secret RDS keeps, is no member of that role`,
      )
    }
    const role = user === owner ? undefined : String(owner)
    return known(dataApi.postgres({ ...address, role }), source)
  } finally {
    await session.close()
  }
}
