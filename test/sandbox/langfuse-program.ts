import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../sandbox/vpc/proxy.ts'

export type Program = {
  readonly url: string
  readonly process: ChildProcess
  /** Everything it has written so far. */
  output(): string
  /** Exit status, or the name of the signal that ended it. */
  readonly exited: Promise<number | string>
  /** Waits for an answer with this status and gives its body; fails when the program ends or 20 s pass. */
  answers(path: string, status?: number): Promise<unknown>
  /** SIGTERM, then its exit status. */
  stop(): Promise<number | string>
}

const started: Program[] = []

/** Starts a stand-in as the sandbox does: a Node of its own, with the container's environment and nothing else. */
export async function startProgram(
  kind: 'web' | 'worker' | 'clickhouse',
  env: Record<string, string>,
): Promise<Program> {
  const port = await freePort()
  const script = fileURLToPath(new URL(`../../sandbox/langfuse/${kind}.ts`, import.meta.url))
  const child = spawn(process.execPath, [script], {
    env: { PATH: process.env.PATH ?? '', SANDBOX_LISTEN: `127.0.0.1:${port}`, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const write = (chunk: unknown) => {
    output += String(chunk)
  }
  for (const stream of [child.stdout, child.stderr]) stream.on('data', write)
  const exited = new Promise<number | string>(done =>
    child.once('close', (code, signal) => done(code ?? signal ?? '')),
  )
  const url = `http://127.0.0.1:${port}`
  const program: Program = {
    url,
    process: child,
    exited,
    output: () => output,
    answers: (path, status = 200) => untilAnswers({ url: url + path, status, child, output: () => output }),
    stop: () => {
      child.kill('SIGTERM')
      return exited
    },
  }
  started.push(program)
  return program
}

/** Ends what a test left running. */
export async function stopPrograms(): Promise<void> {
  for (const program of started.splice(0)) {
    if (program.process.exitCode === null) program.process.kill('SIGKILL')
    await program.exited
  }
}

export async function until<T>(look: () => Promise<T | undefined>, what: string): Promise<T> {
  const deadline = Date.now() + 20_000
  while (Date.now() < deadline) {
    const found = await look()
    if (found !== undefined) return found
    await sleep(10)
  }
  throw new Error(`${what}: not within 20 s`)
}

async function untilAnswers(given: {
  url: string
  status: number
  child: ChildProcess
  output: () => string
}): Promise<unknown> {
  let last = ''
  const look = async () => {
    if (given.child.exitCode !== null) throw new Error(`It ended instead of answering:\n${given.output()}`)
    const response = await fetch(given.url).catch(() => undefined)
    if (response === undefined) return undefined
    last = `${response.status} ${await response.text()}`
    return response.status === given.status ? { body: JSON.parse(last.slice(4)) as unknown } : undefined
  }
  const found = await until(look, `GET ${given.url} → ${given.status}`).catch((error: unknown) => {
    throw new Error(`${String(error)}\nlast answer: ${last}\n${given.output()}`)
  })
  return found.body
}
