import { Client } from 'pg'
import { clickhouseClient } from '../../sandbox/langfuse/clickhouse-http.ts'
import type { Stage } from '../../sandbox/rehearse.ts'
import { clickhouseAccess } from '../../sandbox/stack-snapshot.ts'
import { ecsService, webService } from './support.ts'

/** What somebody changes by hand on a stack that was deployed, and what the drift check has to say of it. */
export type HandMade = {
  readonly name: string
  /** Answers how to change it back. */
  change(stage: Stage, release: string): Promise<() => Promise<void>>
  readonly says: RegExp
}

export const HAND_MADE: readonly HandMade[] = [
  {
    name: 'the tag of the release is pushed again with other content',
    change: async ({ stack }, release) => {
      const { world } = stack.sandbox
      const repository = world.images.repositories.get('langfuse-worker')
      if (repository === undefined) throw new Error('no repository of the worker')
      const before = repository.images
      const program = { kind: 'scripted', log: ['somebody else built this'] } as const
      world.pushImage({ repository: 'langfuse-worker', tags: [release], program })
      return async () => {
        repository.images = before
      }
    },
    says: /^1 difference from the last deploy: worker image tag: `\d+\.\d+\.\d+` → `none`/,
  },
  {
    name: "a variable of the web's is changed on App Runner",
    change: stage =>
      changeWeb(stage, web => (web.RuntimeEnvironmentVariables['TELEMETRY_ENABLED'] = 'off-by-hand')),
    says: /web variable TELEMETRY_ENABLED: `(a value|another value|absent)` → `(a value|changed)`/,
  },
  {
    name: 'a variable of the web is taken away',
    change: stage =>
      changeWeb(stage, web => {
        const [name = ''] = Object.keys(web.RuntimeEnvironmentVariables)
        delete web.RuntimeEnvironmentVariables[name]
      }),
    says: /web variable \w+: `a value` → `absent`/,
  },
  {
    name: 'the worker is scaled',
    change: async ({ stack }) => {
      const service = ecsService(stack.sandbox.world, 'langfuse_worker')
      // The second task does not come: how fast this machine is must not decide what is seen.
      return swap(service, {
        desiredCount: service.desiredCount + 1,
        nextStartAt: Number.MAX_SAFE_INTEGER,
      })
    },
    says: /worker desired count: `1` → `2`/,
  },
  {
    name: 'ClickHouse is given 100 and 200 percent again',
    change: async ({ stack }) => {
      const service = ecsService(stack.sandbox.world, 'clickhouse')
      const deploymentConfiguration = {
        ...service.deploymentConfiguration,
        minimumHealthyPercent: 100,
        maximumPercent: 200,
      }
      return swap(service, { deploymentConfiguration })
    },
    says: /clickhouse minimum healthy percent: `0` → `100`, clickhouse maximum percent: `100` → `200`/,
  },
  {
    name: "App Runner's health check becomes one of the other kind",
    change: async stage => {
      const check = webService(stage.stack.sandbox.world).configuration['HealthCheckConfiguration']
      const http = (check as { Protocol?: string } | undefined)?.Protocol === 'HTTP'
      const other = http ? { Protocol: 'TCP', Path: '/' } : { Protocol: 'HTTP', Path: '/api/public/health' }
      return changeMember(stage, 'HealthCheckConfiguration', other)
    },
    says: /web health check protocol: `(HTTP` → `TCP|TCP` → `HTTP)`/,
  },
  {
    name: 'App Runner is given another size',
    change: stage => changeMember(stage, 'InstanceConfiguration', { Cpu: '512', Memory: '1024' }),
    says: /web cpu: `\d+` → `512`, web memory: `\d+` → `1024`/,
  },
  {
    name: 'automatic deployments are turned the other way',
    change: async ({ stack }) => {
      const service = webService(stack.sandbox.world)
      const source = service.configuration['SourceConfiguration'] as Record<string, unknown>
      const AutoDeploymentsEnabled = source['AutoDeploymentsEnabled'] === false
      const SourceConfiguration = { ...source, AutoDeploymentsEnabled }
      return swap(service, { configuration: { ...service.configuration, SourceConfiguration } })
    },
    says: /web automatic deployments: `(true|false)` → `(true|false)`/,
  },
  {
    name: 'a mount target is deleted and made again',
    change: async ({ stack }) => {
      const [files] = stack.sandbox.world.efs.fileSystems.values()
      const targets = (files?.mountTargets ?? []) as unknown as { id: string; address: string }[]
      const [target] = targets
      if (target === undefined) throw new Error('no mount target')
      return swap(target, { id: 'fsmt-made-by-hand' })
    },
    says: /mount targets subnet-\w+: `fsmt-\w+ [\d.]+` → `fsmt-made-by-hand [\d.]+`/,
  },
  {
    name: 'the head of the ClickHouse migrations is set back by hand',
    change: async ({ stack }) => {
      const client = clickhouseClient(clickhouseAccess(stack))
      const [row] = await client.query('SELECT version FROM schema_migrations ORDER BY sequence DESC LIMIT 1')
      const head = Number(row?.['version'])
      const set = (version: number) =>
        client.execute(
          `INSERT INTO schema_migrations SELECT ${version}, 0, max(sequence) + 1 FROM schema_migrations`,
        )
      await set(head - 1)
      return async () => void (await set(head))
    },
    says: /clickhouse schema head: `\d+` → `\d+`/,
  },
  {
    name: 'a Postgres migration is added that nobody deployed',
    change: async ({ stack }) => {
      const query = async (sql: string) => {
        const client = new Client({ connectionString: stack.databaseUrlLocal })
        await client.connect()
        await client.query(sql).finally(() => client.end())
      }
      await query(
        "INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name, started_at, applied_steps_count) VALUES ('by-hand', 'x', now(), '29990101000000_by_hand', now(), 1)",
      )
      return () => query("DELETE FROM _prisma_migrations WHERE id = 'by-hand'")
    },
    says: /postgres migrations: `\d+` → `\d+`, postgres names of the migrations: `another value` → `changed`/,
  },
  {
    name: "the worker's security groups are changed",
    change: async ({ stack }) => changeNetwork(stack, 'langfuse_worker', { securityGroups: ['sg-by-hand'] }),
    says: /worker security groups: `sg-[\w-]+` → `sg-by-hand`/,
  },
]

type WebImage = { RuntimeEnvironmentVariables: Record<string, string> }

async function changeWeb({ stack }: Stage, change: (image: WebImage) => void): Promise<() => Promise<void>> {
  const service = webService(stack.sandbox.world)
  const before = service.configuration
  const copy = structuredClone(before)
  const source = copy['SourceConfiguration'] as { ImageRepository: { ImageConfiguration: WebImage } }
  change(source.ImageRepository.ImageConfiguration)
  return swap(service, { configuration: copy })
}

async function changeMember({ stack }: Stage, member: string, change: object): Promise<() => Promise<void>> {
  const service = webService(stack.sandbox.world)
  const whole = service.configuration[member] as object | undefined
  return swap(service, { configuration: { ...service.configuration, [member]: { ...whole, ...change } } })
}

async function changeNetwork(
  { sandbox }: Stage['stack'],
  name: string,
  change: object,
): Promise<() => Promise<void>> {
  const service = ecsService(sandbox.world, name)
  const network = service.settings['networkConfiguration'] as { awsvpcConfiguration: object }
  const networkConfiguration = { awsvpcConfiguration: { ...network.awsvpcConfiguration, ...change } }
  return swap(service, { settings: { ...service.settings, networkConfiguration } })
}

function swap<Thing extends object>(thing: Thing, change: Partial<Thing>): () => Promise<void> {
  const before = Object.fromEntries(Object.keys(change).map(name => [name, thing[name as keyof Thing]]))
  Object.assign(thing, change)
  return async () => void Object.assign(thing, before)
}
