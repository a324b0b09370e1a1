import { familyOf } from '../execute/one-off-task.ts'
import type { Cloud, DerivedTask } from '../ports/cloud.ts'
import { pinned } from '../release/image.ts'
import type { EcsComponent } from '../stack/stack.ts'
import type { Spec } from './job.ts'
import { compress } from './library.ts'

export const CONTAINER = 'agent'
export const TAG = 'langfuse-rollout-agent'

/** ECS takes 64 KiB; how exactly it counts is not documented, so some is left over. */
const LARGEST_DEFINITION = 63_000

/**
 * The task definition of one agent: the worker's image, roles, size and log configuration, of its environment only
 * what leads to the stores, and the program itself, which stands in a variable. Its own entry point, so that whatever
 * the image would do when it starts is not done. Pure.
 */
export function agentDefinition(
  spec: Spec,
  program: string,
  { container, taskDefinition, image }: EcsComponent,
  volume?: Volume,
): DerivedTask {
  const payload = compress(JSON.stringify({ program, spec })).toString('base64')
  const stores = volume === undefined ? container : { environment: {}, secrets: {} }
  return {
    family: familyOf(CONTAINER, (volume?.of ?? { taskDefinition }).taskDefinition),
    from: container.name,
    name: CONTAINER,
    image: pinned(image),
    entryPoint: ['node', '-e', BOOTSTRAP],
    // Without one the image's own would be its arguments.
    command: ['langfuse-rollout-agent'],
    architecture: taskDefinition.architecture === 'ARM64' ? 'ARM64' : 'X86_64',
    environment: { ...only(stores.environment), [PAYLOAD]: payload },
    secrets: only(stores.secrets),
    ...(volume && {
      mount: { of: volume.of.taskDefinition, volume: volume.name, path: MOUNTED_AT, user: CLICKHOUSE },
    }),
    tags: { [TAG]: spec.nonce },
  }
}

/** One of another component: the agent then stands where that one stands, is told of no store, and mounts it. */
export type Volume = { readonly of: EcsComponent; readonly name: string }

export const MOUNTED_AT = '/mnt/clickhouse'

/** uid and gid in ClickHouse's own image: the agent sees what ClickHouse would. */
const CLICKHOUSE = '101:101'

const PAYLOAD = 'LANGFUSE_ROLLOUT_AGENT'

/** What `node -e` is told: CommonJS, for Node 20 and later. */
const BOOTSTRAP = [
  `const n='${PAYLOAD}',{env:e}=process`,
  `b=require('node:zlib').brotliDecompressSync(Buffer.from(e[n],'base64'))`,
  `p=JSON.parse(b),m={exports:{}};delete e[n]`,
]
  .join(',')
  .concat(
    `;new Function('require','module','exports',p.program)(require,m,m.exports);m.exports.agent(p.spec)`,
  )

/** What leads to the stores, and how TLS is trusted. */
const NEEDED = /^(DATABASE_|CLICKHOUSE_|REDIS_|PGSSL|NODE_EXTRA_CA_CERTS$)/

function only(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => NEEDED.test(name)))
}

/** Bytes that are left for more text in this order's task definition, before the base64 that it is carried in. */
export function roomIn(derived: DerivedTask, { taskDefinition }: EcsComponent, { ecs }: Cloud): number {
  return Math.floor(((LARGEST_DEFINITION - ecs.sizeOfDerived(taskDefinition, derived)) * 3) / 4)
}
