import { spawn } from 'node:child_process'
import { glob, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const ROUNDS = Number(process.argv[2] ?? 15)

/**
 * How long `node dist/deploy/index.js` takes to its first AWS request, against an empty program on the same Node,
 * in turns; and the peak memory of a run that is refused by an endpoint which denies everything. Prints medians,
 * asserts nothing.
 */
async function bench(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'cold-start-'))
  try {
    const empty = join(folder, 'empty.mjs')
    await writeFile(empty, '')
    const rounds: { empty: number; request: number; memory: number }[] = []
    for (let round = 0; round <= ROUNDS; round++) {
      const measured = { empty: await timeEmpty(empty), ...(await timeDeploy(folder)) }
      if (round > 0) rounds.push(measured) // The first warms the disk cache.
    }
    const median = (key: keyof (typeof rounds)[number]) => medianOf(rounds.map(round => round[key]))
    console.log(`rounds: ${ROUNDS} on Node ${process.version}`)
    console.log(`empty program, start to end: ${median('empty').toFixed(0)} ms`)
    console.log(`deploy, start to first AWS request: ${median('request').toFixed(0)} ms`)
    console.log(
      `difference, paired: ${medianOf(rounds.map(round => round.request - round.empty)).toFixed(0)} ms`,
    )
    console.log(`peak memory of a refused deploy: ${(median('memory') / 1024).toFixed(0)} MB`)
    console.log(
      `dist: ${((await sizeOf('dist/**/*.js')) / 1e6).toFixed(2)} MB of JavaScript, ${((await sizeOf('dist/**/*')) / 1e6).toFixed(2)} MB in all`,
    )
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function timeEmpty(script: string): Promise<number> {
  const started = performance.now()
  await ended(spawn(process.execPath, [script], { stdio: 'ignore' }))
  return performance.now() - started
}

async function timeDeploy(folder: string): Promise<{ request: number; memory: number }> {
  let first = 0
  const server = createServer((request, response) => {
    first ||= performance.now()
    request.resume()
    response.writeHead(400, { 'content-type': 'application/x-amz-json-1.1' })
    response.end(JSON.stringify({ __type: 'AccessDeniedException', message: 'denied' }))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const memory = join(folder, 'memory')
  const hook = `data:text/javascript,import{writeFileSync as w}from'node:fs';process.on('exit',()=>w(${JSON.stringify(memory)},String(process.resourceUsage().maxRSS)))`
  const output = join(folder, 'output')
  await writeFile(output, '')
  const started = performance.now()
  await ended(
    spawn(process.execPath, ['--import', hook, 'dist/deploy/index.js'], {
      stdio: 'ignore',
      env: {
        PATH: process.env['PATH'],
        RUNNER_TEMP: folder,
        GITHUB_OUTPUT: output,
        ...inputs(),
        ...aws(port),
      },
    }),
  )
  server.closeAllConnections()
  server.close()
  return { request: first - started, memory: Number(await readFile(memory, 'utf8')) }
}

function inputs(): Record<string, string> {
  const given = {
    version: '3.0.0',
    cluster: 'langfuse',
    'worker-service': 'langfuse_worker',
    'clickhouse-service': 'clickhouse',
    'web-service': 'langfuse_web',
    timeout: '45m',
    environment: 'langfuse',
    order: 'worker,clickhouse,web',
  }
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]),
  )
}

function aws(port: number): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
    AWS_REGION: 'ap-northeast-1',
    AWS_ACCESS_KEY_ID: 'bench',
    AWS_SECRET_ACCESS_KEY: 'bench',
    AWS_MAX_ATTEMPTS: '1',
    AWS_EC2_METADATA_DISABLED: 'true',
  }
}

function ended(child: ReturnType<typeof spawn>): Promise<void> {
  return new Promise((resolve, reject) => child.once('error', reject).once('exit', () => resolve()))
}

async function sizeOf(pattern: string): Promise<number> {
  let bytes = 0
  for await (const path of glob(pattern)) {
    const entry = await stat(path)
    if (entry.isFile()) bytes += entry.size
  }
  return bytes
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

await bench()
