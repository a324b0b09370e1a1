import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/**
 * Runs Jest on this very Node with what ESM needs. Everything after `npm test --` goes to Jest; its exit status is
 * ours, and its last line is also said as `N passed, N failed, N skipped`.
 */
const jest = join(dirname(createRequire(import.meta.url).resolve('jest/package.json')), 'bin/jest.js')
const long = process.argv.includes('--long')
const given = process.argv.slice(2).filter(argument => argument !== '--long')
/** The tests that take minutes run when they are asked for or named: `npm run test:long`. */
const LONG = '\\.long\\.test\\.ts$'
const named = given.some(argument => /long|\.test\.ts$/.test(argument))
const choice = long ? '--testPathPatterns' : '--testPathIgnorePatterns'
const which = named ? [] : [choice, LONG]
const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning']
const folder = mkdtempSync(join(memoryFolder() ?? tmpdir(), 'langfuse-rollout-test-'))
// PostgreSQL's user enters it too, where that is not ours.
chmodSync(folder, 0o755)
const child = spawn(process.execPath, [...flags, jest, ...given, ...which], {
  stdio: ['inherit', 'inherit', 'pipe'],
  env: {
    ...process.env,
    TMPDIR: folder,
    NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} --disable-warning=ExperimentalWarning`.trim(),
  },
})

/** Databases are made and dropped by the hundred: in memory that takes a fifth of the time, where there is enough. */
function memoryFolder(): string | undefined {
  try {
    const { bavail, bsize } = statfsSync('/dev/shm')
    return bavail * bsize > 6 * 2 ** 30 ? '/dev/shm' : undefined
  } catch {
    return undefined
  }
}

let tail = ''
child.stderr.on('data', (chunk: Buffer) => {
  process.stderr.write(chunk)
  tail = (tail + chunk.toString()).slice(-4_000)
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
child.on('close', code => {
  const line = /^Tests:\s+(.*)$/m.exec(tail)?.[1] ?? ''
  const count = (word: string) => /\d+/.exec(new RegExp(`\\d+ ${word}`).exec(line)?.[0] ?? '0')?.[0]
  console.log(`${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`)
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  process.exitCode = code ?? 1
})
