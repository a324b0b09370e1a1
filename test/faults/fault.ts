import type { Client } from 'pg'
import type { MapService } from '../../sandbox/aws/cloudmap.ts'
import type { Service } from '../../sandbox/aws/ecs/types.ts'
import type { FileSystem } from '../../sandbox/aws/efs.ts'
import type { World } from '../../sandbox/aws/world.ts'
import type { ClickHouseClient } from '../../sandbox/langfuse/clickhouse-http.ts'
import type { Stage } from '../../sandbox/rehearse.ts'
import type { ValkeyStore } from '../../sandbox/valkey.ts'
import type { CheckId } from '../../src/checks/run.ts'

/** One thing that goes wrong on a healthy stack, and what verify has to say of it. */
export type Fault = {
  /** What was done, in words. */
  readonly name: string
  /** Row of the table of instructive failures in the operations study, when it is one. */
  readonly row?: number
  /** Puts the fault in and answers how to take it out: all faults of a table share a stage. */
  put(stage: FaultStage): Promise<() => Promise<void>>
  /** Of verify, beside those that the stage gives. `network: task` looks from outside the VPC, by an agent. */
  readonly inputs?: Readonly<Record<string, string>>
  readonly expects: readonly Expected[]
  /** Checks that must change too, whatever they say. */
  readonly also?: readonly CheckId[]
  /** What it is put into; `article` by default. */
  readonly on?: StageName
}

export type Expected = {
  readonly check: CheckId
  readonly state: 'failed' | 'warning' | 'inconclusive'
  readonly says: RegExp
}

/**
 * `article`: the article's stack on the last v3 release, its mistakes corrected. `v4`: the same on a v4 release.
 * `ecs`: on 3.0.0, with the web on an ECS service. `module`: as the article's Terraform module leaves it.
 */
export type StageName = 'article' | 'v4' | 'ecs' | 'module'

/** The stage, and what faults are made of. */
export type FaultStage = {
  readonly stage: Stage
  readonly world: World
  /** The release that runs. */
  readonly release: string
  /** As the owner of PostgreSQL. */
  readonly postgres: Pick<Client, 'query'>
  readonly clickhouse: ClickHouseClient
  readonly valkey: ValkeyStore
  readonly files: FileSystem
  /** ClickHouse's name in Cloud Map. */
  readonly discovery: MapService
  service(name: 'langfuse_worker' | 'clickhouse' | 'langfuse_web'): Service
}

/** Sets members of something of the sandbox; the answer sets them back. */
export function swap<Thing extends object>(thing: Thing, change: Partial<Thing>): () => Promise<void> {
  const before = Object.fromEntries(
    Object.keys(change).map(name => [name, thing[name as keyof Thing]]),
  ) as Partial<Thing>
  Object.assign(thing, change)
  return async () => void Object.assign(thing, before)
}

/** Waits in real time, at most a minute: the sandbox's clock is fast, its programs are not. */
export async function until(what: string, done: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000
  while (!(await done())) {
    if (Date.now() > deadline) throw new Error(`Within a minute there was no ${what}.`)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}
