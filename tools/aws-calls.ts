import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { POLICIES, type PolicyName } from '../sandbox/permissions.ts'
import { type Calls, RARE, RECORD, readCalls } from './docs/iam.ts'

/**
 * Records which operations of AWS the scenarios' runs of `dist/` call (`npm run aws-calls`). `npm run docs` makes the
 * policies from the record. A red scenario may have called less than it should: then the record only grows.
 */
const SCENARIOS = [
  'test/scenario/[^.]*\\.test',
  // Long tests that may call what no other scenario does; the rest repeat these runs under kills and faults.
  'test/scenario/(agent|agent-undo|drift|failures|quick-start|rollback-refusals|web-platform)\\.long\\.test',
]
const folder = mkdtempSync(join(tmpdir(), 'aws-calls-'))
const file = join(folder, 'calls.txt')
writeFileSync(file, '')
const { status } = spawnSync(process.execPath, ['tools/test.ts', ...SCENARIOS], {
  stdio: 'inherit',
  env: { ...process.env, AWS_CALLS_RECORD: file },
})
const lines = readFileSync(file, 'utf8').split('\n')
rmSync(folder, { recursive: true })
const before = readCalls()
const kept = status === 0 ? [] : POLICIES.flatMap(policy => before[policy].map(call => `${policy} ${call}`))
keep(recordOf([...kept, ...lines]))
process.exitCode = status ?? 1

function recordOf(lines: readonly string[]): Calls {
  const of = (policy: PolicyName) =>
    [
      ...new Set(lines.flatMap(line => (line.startsWith(`${policy} `) ? line.split(' ').slice(1) : []))),
    ].sort()
  const verify = of('verify')
  return {
    verify,
    agent: of('agent').filter(call => !verify.includes(call)),
    deploy: of('deploy'),
    rollback: of('rollback'),
  }
}

function keep(record: Calls): void {
  const beyond = (calls: Calls, others: Calls, mark: string) =>
    POLICIES.flatMap(policy =>
      calls[policy].filter(call => !others[policy].includes(call)).map(call => `${mark} ${policy}: ${call}`),
    )
  const rare = RARE.flatMap(({ call, policies }) =>
    policies
      .filter(policy => record[policy].includes(call))
      .map(policy => `  ${policy}: ${call} is recorded now: drop it from RARE in tools/docs/iam.ts`),
  )
  writeFileSync(RECORD, `${JSON.stringify(record, undefined, 2)}\n`)
  const changes = [...beyond(record, before, '+'), ...beyond(before, record, '-'), ...rare]
  console.log(changes.length === 0 ? 'The record is what it was.' : changes.join('\n'))
  console.log(
    'Now run `npm run docs`. A call that is gone (-) and still possible belongs in RARE, with a reason.',
  )
}
