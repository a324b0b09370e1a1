import { createRequire } from 'node:module'
import { createHttp, inspectMountedFiles, names } from '../adapters/machine.ts'
import { createValkey, valkeyAt } from '../adapters/valkey-client.ts'
import { explain } from '../errors/errors.ts'
import { rearm, watchTakeUp } from '../execute/rearm.ts'
import type { Valkey } from '../ports/databases.ts'
import { writing } from '../schema/postgres-session.ts'
import { releaseLock } from '../schema/run-lock.ts'
import { countLosses } from '../stack/count-losses.ts'
import { observeDependents } from '../stack/observe-dependents.ts'
import { probeInside } from '../stack/probe-inside.ts'
import type { Answers, CountJob, LoadJob, ObserveJob, Spec, UndoJob } from './job.ts'
import { forgetLibrary, keepPart, readLibrary } from './library.ts'
import { givenPostgres, runProgram, type Tools } from './program.ts'
import { valkeyOf } from './stores.ts'

/** The smaller program: observes, counts, re-arms, and stores down SQL that is too long for one task definition. */
export async function agent(spec: Spec): Promise<void> {
  await runProgram(spec, tools => work(spec, tools))
}

async function work({ job }: Spec, tools: Tools): Promise<unknown> {
  switch (job.kind) {
    case 'observe':
      return observe(job, tools)
    case 'mount':
      return inspectMountedFiles(job.path)
    case 'count':
      return count(job, tools)
    case 'dependents':
      return observeDependents(job.question, tools)
    case 'rearm':
      return rearm(job.names, { postgres: givenPostgres(tools), claim: job.claim })
    case 'take-up':
      return watchTakeUp(job.names, { ...tools, postgres: givenPostgres(tools) })
    case 'keep':
      return keepPart(job, givenPostgres(tools))
    case 'load':
      return load(job, tools)
    case 'undo':
      throw new Error('This program does not run down SQL.')
  }
}

async function observe(
  { deepProbe, release, publicKey, ...addresses }: ObserveJob,
  tools: Tools,
): Promise<Answers['observe']> {
  const stores = {
    ...tools,
    valkey: valkeyIn(tools),
    names,
    http: createHttp(),
    publicKey,
    missing: MISSING,
  }
  const inside = await probeInside(stores, addresses, deepProbe)
  // A lock that stays expires, so the observation counts.
  if (release !== undefined)
    await writing(givenPostgres(tools), session => releaseLock(session, release)).catch(error =>
      tools.say(`could not release the lock in PostgreSQL: ${explain(error)}`),
    )
  return inside
}

async function count({ losses }: CountJob, tools: Tools): Promise<Answers['count']> {
  const counted = await countLosses(losses, tools)
  return counted.map(loss => [loss.at, loss.count ?? null])
}

const MISSING = {
  postgres: "the worker's task definition does not set PostgreSQL's address (DATABASE_URL)",
  clickhouse: "the worker's task definition does not set ClickHouse's address (CLICKHOUSE_URL)",
  valkey:
    "the worker's task definition does not set Valkey's address (REDIS_HOST or REDIS_CONNECTION_STRING)",
}

function valkeyIn({ environment }: Tools): Valkey | undefined {
  const connection = valkeyOf(environment)
  return (
    connection && createValkey({ ...valkeyAt(connection.url, connection.prefix), verify: connection.verify })
  )
}

/** Undoes with the program and the down SQL that other agents stored in PostgreSQL. */
async function load(job: LoadJob, tools: Tools): Promise<unknown> {
  const postgres = givenPostgres(tools)
  const { program, sql } = await readLibrary(job, postgres)
  const { steps, rollbackId, claim, last } = job
  const result = await exportsOf(program).undo({ kind: 'undo', steps, rollbackId, claim, sql }, tools)
  if (last) await forgetLibrary(job, postgres).catch(() => undefined)
  return result
}

type UndoProgram = { undo(job: UndoJob, tools: Tools): Promise<unknown> }

/** Safe: the text's hash was verified against the runner's. */
function exportsOf(program: string): UndoProgram {
  const module = { exports: {} }
  const run = new Function('require', 'module', 'exports', program)
  run(createRequire('file:///'), module, module.exports)
  return module.exports as UndoProgram
}
