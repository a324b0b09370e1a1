import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Pool } from 'pg'
import { clickhouseClient } from './langfuse/clickhouse-http.ts'
import { ingest } from './langfuse/ingest.ts'
import { openStage, type Stage } from './rehearse.ts'
import { backgroundIsOver, openRoute, ROUTE, withPostgres } from './route.ts'
import { failEverywhere, matrixOf } from './route-failures.ts'
import type { RunResult } from './runner.ts'
import { type Comparison, clickhouseAccess, compareSnapshots, takeSnapshot } from './stack-snapshot.ts'

const FOLDER = fileURLToPath(new URL('../.rehearsal', import.meta.url))
/** AWS's minutes become seconds. */
const SPEED = 20

/** `--route`: 2.93.7 → 3.29.0 → 3.225.4 → 4.16.0. `--route --failures`: a failure at each step of it. */
const IS_ROUTE = process.argv.includes('--route')
const FAILURES = IS_ROUTE && process.argv.includes('--failures')

const started = performance.now()
const cancel = new AbortController()

/**
 * The article's upgrade, 2.93.7 → 3.0.0, and its rollback, through the built bundles as GitHub's runner would call
 * them: verify, deploy, verify, traffic on v3, rollback, verify. Ends with a table of before and after.
 */
async function rehearse(stage: Stage): Promise<boolean> {
  const before = await takeSnapshot(stage.stack)
  const acts = [await act(stage, 'verify', {}, 'passed')]
  acts.push(await act(stage, 'deploy', { version: '3.0.0', 'clickhouse-version': '24.12.3' }, 'deployed'))
  acts.push(await act(stage, 'verify', {}, 'passed'))
  const written = await liveOnV3(stage)
  const onV3 = await takeSnapshot(stage.stack)
  acts.push(await act(stage, 'rollback', { to: 'previous' }, 'rolled-back'))
  acts.push(await act(stage, 'verify', {}, 'passed'))
  const after = await takeSnapshot(stage.stack)
  const comparison = compareSnapshots(before, after)
  const kept = compareSnapshots(onV3, after).rows.find(([what]) => what === 'rows lost')
  print(written)
  show('Before the upgrade and after the rollback', comparison)
  print(`Rows written by v3 that the rollback lost: ${kept?.[2]}`)
  return comparison.equal && kept?.[3] === true && acts.every(Boolean)
}

/** More than any worker copies while ClickHouse restarts. */
const MANY_TRACES = 60_000

/** The official route from the article's v2 to v4: at each hop the plan, the deploy, the worker's copies, and verify. */
async function rehearseRoute(stage: Stage): Promise<boolean> {
  const acts: boolean[] = []
  for (const { to, inputs } of ROUTE) {
    const upgrade = { version: to, ...inputs }
    acts.push(await act(stage, 'deploy', { ...upgrade, 'dry-run': 'true' }, 'planned'))
    acts.push(await act(stage, 'deploy', upgrade, 'deployed'))
    title(`Langfuse ${to} runs its background migrations`)
    const open = await backgroundIsOver(stage)
    const { finished, failed, inPostgres, inClickHouse } = await countBoth(stage)
    const good = open.length === 0 && failed === 0 && inClickHouse === MANY_TRACES + 300
    print(
      `${good ? '✔' : '✘'} ${finished} have finished, ${failed} failed, ${open.length} are open; traces: ${inPostgres} in PostgreSQL, ${inClickHouse} in ClickHouse`,
    )
    acts.push(good, await act(stage, 'verify', {}, 'passed'))
  }
  title('The route')
  for (const { from, to } of ROUTE) print(`  ${from} → ${to}`)
  return acts.every(Boolean)
}

/** A failure at each step of each hop, as a matrix. */
async function rehearseFailures(stage: Stage): Promise<boolean> {
  const cells = await failEverywhere(stage, ({ hop, step, failure, ended }) =>
    print(`  ${ended === 'elsewhere' ? '✘' : '✔'} ${hop}, ${step}: ${failure}: ${ended}`),
  )
  print(`\n${matrixOf(cells)}`)
  return cells.every(({ ended }) => ended !== 'elsewhere')
}

async function countBoth(stage: Stage) {
  const [traces] = await clickhouseClient(clickhouseAccess(stage.stack)).query(
    'SELECT uniqExact(project_id, id) AS count FROM traces',
  )
  return withPostgres(stage, async client => {
    const { rows } = await client.query(
      `SELECT count(finished_at)::int AS finished, count(failed_at)::int AS failed, to_regclass('public.traces') IS NOT NULL AS has FROM background_migrations`,
    )
    const [{ finished, failed, has }] = rows
    const counted = has === true ? await client.query('SELECT count(*)::int AS count FROM traces') : undefined
    const inPostgres: string = counted?.rows[0].count ?? 'no table of them'
    return { finished, failed, inPostgres, inClickHouse: Number(traces?.['count']) }
  })
}

async function act(
  stage: Stage,
  action: 'deploy' | 'verify' | 'rollback',
  inputs: Readonly<Record<string, string>>,
  expected: string,
): Promise<boolean> {
  title(
    `${action} ${Object.entries(inputs)
      .map(([name, value]) => `${name}=${value}`)
      .join(' ')}`,
  )
  const result = await stage.run(action, inputs, {
    onLine: line => print(`  │ ${line}`),
    signal: cancel.signal,
  })
  cancel.signal.throwIfAborted()
  await keepSummary(action, result)
  print(`\n${result.summary}\n`)
  const outcome = result.outputs['outcome']
  const good = outcome === expected
  print(
    `${good ? '✔' : '✘'} ${action}: ${outcome} (expected ${expected}), exit ${result.exitCode}, ${(result.milliseconds / 1_000).toFixed(1)} s`,
  )
  return good
}

let summaries = 0

async function keepSummary(action: string, result: RunResult): Promise<void> {
  const folder = join(FOLDER, 'summaries')
  await mkdir(folder, { recursive: true })
  summaries += 1
  await writeFile(join(folder, `${summaries}-${action}.md`), result.summary)
}

/** Traffic on v3. Its rows violate both foreign keys that a rollback has to restore. */
async function liveOnV3({ stack }: Stage): Promise<string> {
  title('Langfuse 3.0.0 takes traffic: it writes traces and scores to ClickHouse only')
  const pool = new Pool({ connectionString: stack.databaseUrlLocal, max: 1 })
  try {
    const written = await ingest({ pool, clickhouse: clickhouseClient(clickhouseAccess(stack)), count: 25 })
    const counts = `${written.traceIds.length} traces, ${written.scoreIds.length} scores, ${written.jobExecutionIds.length} evaluations`
    print(`  v3 wrote ${counts}; the deletion of one project is queued`)
    return `Written by v3 between upgrade and rollback: ${counts}.`
  } finally {
    await pool.end()
  }
}

function show(name: string, comparison: Comparison): void {
  title(name)
  const width = Math.max(...comparison.rows.map(([what]) => what.length))
  for (const [what, was, is, same] of comparison.rows) {
    const values = was === is ? shorten(was) : `${shorten(was)} → ${shorten(is)}`
    print(`  ${same ? '✔' : '✘'} ${what.padEnd(width)}  ${values}`)
  }
  for (const line of comparison.details) print(`    ${line}`)
}

function shorten(text: string): string {
  return text.length > 60 ? `…${text.slice(-58)}` : text
}

function title(text: string): void {
  print(`\n━━ ${text.trim()} ${'━'.repeat(Math.max(0, 90 - text.length))}`)
}

function print(line: string): void {
  console.log(line)
}

async function main(): Promise<void> {
  await rm(FOLDER, { recursive: true, force: true })
  const work = FAILURES ? rehearseFailures : IS_ROUTE ? rehearseRoute : rehearse
  const stage = await setUp()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => cancel.abort())
  try {
    const good = await work(stage)
    print(
      `\nThe rehearsal took ${Math.round((performance.now() - started) / 1_000)} s. Its job summaries are in .rehearsal/summaries.`,
    )
    process.exitCode = good ? 0 : 1
  } catch (error) {
    if (!cancel.signal.aborted) throw error
    print('\nCancelled. Stopping the sandbox.')
    process.exitCode = 130
  } finally {
    await stage.stop()
  }
}

/** Ctrl-C during the set-up ends this process; its child processes notice that and exit. */
function setUp(): Promise<Stage> {
  title("Starting a local AWS with the stack of the article's Terraform module, on Langfuse 2.93.7")
  const common = { folder: FOLDER, log: (line: string) => print(`  ${line}`) }
  if (FAILURES) return openRoute({ ...common, traces: 100 })
  if (IS_ROUTE) return openRoute({ ...common, traces: MANY_TRACES, speed: 60 })
  return openStage({ ...common, speed: SPEED })
}

await main()
