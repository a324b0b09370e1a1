import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { REGION } from '../../sandbox/aws/ids.ts'
import type { DbCluster } from '../../sandbox/aws/rds.ts'
import { type Sandbox, startSandbox } from '../../sandbox/sandbox.ts'
import { dataApiAdapter } from '../../src/adapters/aws-data-api.ts'
import type { Time } from '../../src/adapters/data-api-session.ts'
import type { DataApiAddress } from '../../src/ports/data-api.ts'
import type { Postgres } from '../../src/ports/databases.ts'

/** A sandbox whose Data API stands before the databases of a test. */
export type DataApiStage = {
  readonly sandbox: Sandbox
  /** Puts a cluster before the database at a URL, with a secret as RDS makes it. */
  cluster(url: string): DbCluster
  addressOf(cluster: DbCluster): DataApiAddress
  /** The adapter's way to the database at a URL. */
  postgres(url: string, time?: Time): Postgres
  /** SQL that has been sent, oldest first. */
  sent(): readonly string[]
  stop(): Promise<void>
}

export async function startDataApi(speed = 1): Promise<DataApiStage> {
  const folder = await mkdtemp(join(tmpdir(), 'data-api-'))
  const sandbox = await startSandbox({ folder, speed, patienceSeconds: 1 })
  Object.assign(process.env, sandbox.env)
  const { rds, secrets } = sandbox.world
  const cluster = (url: string): DbCluster => {
    const { username, password, host, pathname } = new URL(url)
    const identifier = `test-${rds.clusters.size + 1}`
    const made = rds.createCluster({
      identifier,
      endpoint: `${identifier}.cluster-c3xq7mzk0e1v.ap-northeast-1.rds.amazonaws.com`,
      engineVersion: '15.6',
      databaseName: decodeURIComponent(pathname.slice(1)),
      masterUsername: username,
      instances: [`${identifier}-1`],
      subnetGroup: 'test',
      securityGroups: [],
      backupRetentionDays: 1,
      engineUrl: `postgresql://${host}`,
    })
    made.masterSecret = secrets.put(
      `rds!cluster-${identifier}`,
      JSON.stringify({ username, password: decodeURIComponent(password) }),
    )
    return made
  }
  const addressOf = (made: DbCluster): DataApiAddress => ({
    name: made.identifier,
    cluster: made.arn,
    secret: made.masterSecret ?? '',
    database: made.databaseName,
  })
  return {
    sandbox,
    cluster,
    addressOf,
    postgres: (url, time) => dataApiAdapter(REGION, time).postgres(addressOf(cluster(url))),
    sent: () =>
      sandbox.requests.flatMap(({ input }) => (typeof input['sql'] === 'string' ? [input['sql']] : [])),
    async stop() {
      await sandbox.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
