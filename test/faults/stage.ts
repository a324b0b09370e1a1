import { join } from 'node:path'
import { Client } from 'pg'
import { CACHE, CACHE_TOKEN } from '../../sandbox/article/settings.ts'
import type { ArticleStack } from '../../sandbox/article.ts'
import type { MapService } from '../../sandbox/aws/cloudmap.ts'
import type { Task } from '../../sandbox/aws/ecs/types.ts'
import type { World } from '../../sandbox/aws/world.ts'
import { clickhouseClient } from '../../sandbox/langfuse/clickhouse-http.ts'
import { openStage, type Stage, type StageRun } from '../../sandbox/rehearse.ts'
import type { RunResult } from '../../sandbox/runner.ts'
import { clickhouseAccess } from '../../sandbox/stack-snapshot.ts'
import { CANARY_KEY } from './canary.ts'
import { type FaultStage, type StageName, until } from './fault.ts'

export type OpenFaultStage = FaultStage & {
  /** The built verify action, with all that it can be given. */
  verify(
    inputs?: Readonly<Record<string, string>>,
    options?: Pick<StageRun, 'env' | 'runner'>,
  ): Promise<RunResult>
  /** Comes back when every service runs what it should again. */
  atRest(): Promise<void>
  stop(): Promise<void>
}

const STAGES: Readonly<Record<StageName, Omit<Parameters<typeof openStage>[0], 'folder'>>> = {
  article: { release: '3.225.4', clickhouse: '25.12.3', sound: true },
  v4: { release: '4.16.0', clickhouse: '25.12.3', sound: true },
  ecs: { release: '3.0.0', sound: true, webPlatform: 'ecs' },
  module: { release: '3.225.4' },
}

/** Opens one of the stages that faults are put into. */
export async function openFaultStage(
  name: StageName,
  options: { readonly folder: string; readonly log?: (line: string) => void },
): Promise<OpenFaultStage> {
  const settings = STAGES[name]
  const stage = await openStage({ ...settings, ...options, folder: join(options.folder, name) })
  if (settings.sound === true) await writeBaseline(stage, settings.release ?? '')
  const { world } = stage.stack.sandbox
  await stage.stack.createApiKey(CANARY_KEY)
  const postgres = new Client({ connectionString: stage.stack.databaseUrlLocal })
  await postgres.connect()
  const [files] = world.efs.fileSystems.values()
  const discovery = [...world.cloudMap.services.values()].find(service => service.name === 'clickhouse')
  if (files === undefined || discovery === undefined) throw new Error('The stage has no EFS or Cloud Map')
  return {
    stage,
    world,
    release: settings.release ?? '',
    postgres,
    clickhouse: clickhouseClient(clickhouseAccess(stage.stack)),
    valkey: stage.stack.valkey.state,
    files,
    discovery,
    service: wanted => {
      const service = world.ecs.clusters.get('langfuse')?.services.get(wanted)
      if (service === undefined) throw new Error(`The stage has no ECS service ${wanted}`)
      return service
    },
    verify: (inputs = {}, options = {}) =>
      inputs['network'] === 'task'
        ? stage.run('verify', { ...OUTSIDE, ...inputs }, { ...options, env: { ...HOSTED, ...options.env } })
        : stage.run('verify', { 'redis-url': `redis://:${CACHE_TOKEN}@${CACHE}:6379`, ...inputs }, options),
    atRest: () => until('stack at rest', () => isAtRest(stage.stack, discovery)),
    stop: async () => {
      await postgres.end()
      await stage.stop()
    },
  }
}

/** A deploy that finds nothing to do writes down what runs: what drift is measured against. */
async function writeBaseline(stage: Stage, release: string): Promise<void> {
  const { outputs, summary } = await stage.run('deploy', { version: release })
  if (outputs['outcome'] !== 'unchanged')
    throw new Error(`A sound stack on ${release} needs no deploy: ${summary}`)
}

/** A runner of GitHub's own has no place in the VPC and knows no address in it. */
const OUTSIDE = { 'database-url': '', 'clickhouse-url': '', 'clickhouse-user': '', 'clickhouse-password': '' }
const HOSTED = { SANDBOX_VPC: '' }

async function isAtRest({ sandbox, webUrl }: ArticleStack, { instances }: MapService): Promise<boolean> {
  const { ecs, appRunner } = sandbox.world
  const services = [...(ecs.clusters.get('langfuse')?.services.values() ?? [])]
  const tasks = [...(ecs.clusters.get('langfuse')?.tasks.values() ?? [])].filter(({ service }) => service)
  const still =
    services.every(service => service.steady && service.deployments.length === 1) &&
    // The scheduler looks once in a while: until then it is steady with what it had.
    services.every(({ name, desiredCount }) => desiredCount === runningIn(tasks, name)) &&
    tasks.every(task => task.lastStatus === 'RUNNING' || task.lastStatus === 'STOPPED') &&
    [...appRunner.services.values()].every(({ status }) => status === 'RUNNING')
  const [instance] = instances.values()
  if (!still || instances.size !== 1 || instance?.health !== 'HEALTHY') return false
  const answers = [
    `${webUrl}/api/public/health`,
    ...tasks.flatMap(task => endpointOf(sandbox.world, task)),
  ].map(url => fetch(url).then(answer => answer.ok))
  return (await Promise.all(answers).catch(() => [false])).every(Boolean)
}

const runningIn = (tasks: readonly Task[], service: string) =>
  tasks.filter(task => task.service?.name === service && task.lastStatus === 'RUNNING').length

/** Where a program of Langfuse or ClickHouse answers on this machine. */
function endpointOf({ network }: World, { address, lastStatus, service }: Task): readonly string[] {
  const [port, path] =
    service?.name === 'clickhouse'
      ? [8123, '/ping']
      : service?.name === 'langfuse_worker'
        ? [3030, '/api/health']
        : [3000, '/api/public/health']
  if (lastStatus !== 'RUNNING') return []
  const route = network.route({ host: address, port, source: 'person' })
  return [`http://127.0.0.1:${'port' in route ? route.port : 1}${path}`]
}
