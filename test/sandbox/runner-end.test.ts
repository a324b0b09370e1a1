import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'

/** An action that never ends by itself, and writes its id into a file. */
const MAIN = `
import { renameSync, writeFileSync } from 'node:fs'
process.on('SIGINT', () => {}).on('SIGTERM', () => {})
writeFileSync(process.env.INPUT_PID + '_', String(process.pid))
renameSync(process.env.INPUT_PID + '_', process.env.INPUT_PID)
setInterval(() => {}, 1000)
`
const ACTION = `
name: endless
inputs:
  pid:
    description: Where to write its process id
runs:
  using: node24
  main: ./main.js
`

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'runner-end-'))
  const endless = join(folder, 'actions', 'endless')
  await mkdir(endless, { recursive: true })
  await writeFile(join(folder, 'actions', 'package.json'), '{"type":"module"}')
  await writeFile(join(endless, 'action.yml'), ACTION)
  await writeFile(join(endless, 'main.js'), MAIN)
})

afterAll(() => rm(folder, { recursive: true, force: true }))

/** As Jest's workers end: told to, killed when a test hangs, or by an error. */
test.each(['process.exit(1)', 'process.kill(process.pid, "SIGKILL")'])(
  'what runs the action ends by %s: the action ends within seconds',
  async end => {
    const pid = join(folder, end.replaceAll(/\W/g, ''))
    const options = { action: 'endless', actions: join(folder, 'actions'), folder, inputs: { pid } }
    const program = `
      import { existsSync } from 'node:fs'
      import { runAction } from './sandbox/runner.ts'
      runAction(${JSON.stringify(options)})
      setInterval(() => existsSync(${JSON.stringify(pid)}) && ${end}, 20)`
    const parent = spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: 'inherit' })
    await once(parent, 'exit')
    expect(existsSync(pid)).toBe(true)
    const action = Number(await readFile(pid, 'utf8'))
    while (isRunning(action)) await new Promise(done => setTimeout(done, 50))
  },
)

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
