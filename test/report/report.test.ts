import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { parse } from 'yaml'
import type { CheckResult } from '../../src/checks/run.ts'
import { CHECKS, runChecks } from '../../src/checks/run.ts'
import { runbook } from '../../src/plan/runbook.ts'
import type { Runner } from '../../src/ports/runner.ts'
import { type ActionName, conclude, isSuccess, type Outcome } from '../../src/report/conclusion.ts'
import { outputsOf, publish, reportOf } from '../../src/report/publish.ts'
import { redact } from '../../src/report/redact.ts'
import { summaryOf } from '../../src/report/summary.ts'
import { restoreFacts } from '../support/restore.ts'
import { FACTS, stackOn2 } from '../support/stack.ts'

const same = (text: string) => text

test.each(['deploy', 'verify', 'rollback'] as const)(
  '%s sets every output that it declares, whatever it came to, even when nothing could be done',
  action => {
    const { outputs } = parse(readFileSync(`actions/${action}/action.yml`, 'utf8')) as {
      outputs: { outcome: { description: string } }
    }
    const outcomes = [...outputs.outcome.description.matchAll(/`([a-z-]+)`/g)].map(
      ([, name]) => name as Outcome,
    )
    expect(outcomes.length).toBeGreaterThan(2)
    for (const outcome of outcomes) {
      const set = outputsOf(conclude(action, outcome, 'A headline.'), '/tmp/r.json')
      expect([outcome, Object.keys(set)]).toEqual([outcome, Object.keys(outputs)])
      expect(Object.values(set)).not.toContain(undefined)
    }
  },
)

test.each<readonly [ActionName, Outcome, boolean]>([
  ['deploy', 'deployed', true],
  ['deploy', 'unchanged', true],
  ['deploy', 'planned', true],
  ['deploy', 'refused', false],
  ['deploy', 'rolled-back', false],
  ['deploy', 'failed', false],
  ['verify', 'passed', true],
  ['verify', 'failed', false],
  ['verify', 'inconclusive', false],
  ['rollback', 'rolled-back', true],
  ['rollback', 'unchanged', true],
  ['rollback', 'refused', false],
])('%s %s: job goes on = %s', (action, outcome, continues) => {
  expect(isSuccess({ action, outcome })).toBe(continues)
})

async function verified() {
  const stack = stackOn2()
  const checks = await runChecks(CHECKS, { stack, expected: undefined, facts: FACTS })
  return conclude('verify', 'failed', 'One check failed.', { stack, checks })
}

test("verify's counts add up to all of its checks", async () => {
  const { checks, ...rest } = await verified()
  const unsure = checks.map((check, at) => (at === 0 ? { ...check, state: 'inconclusive' as const } : check))
  const outputs = outputsOf({ ...rest, checks: unsure }, '')
  const counts = ['passed', 'failed', 'warned', 'inconclusive', 'skipped'].map(name => Number(outputs[name]))
  expect(counts.reduce((sum, count) => sum + count)).toBe(checks.length)
  expect(outputs['inconclusive']).toBe('1')
})

test('the summary shows the picture twice: as Mermaid, and as a table for those who cannot see it', async () => {
  const summary = summaryOf(await verified())
  expect(summary).toContain('```mermaid\nflowchart LR\n')
  for (const part of [
    'web · App Runner',
    'worker · ECS',
    'ClickHouse · ECS',
    'Cloud Map',
    'EFS',
    'PostgreSQL',
    'Valkey',
  ]) {
    expect(summary.split(part).length).toBeGreaterThanOrEqual(3)
  }
})

test('failures come first', async () => {
  const { checks, ...rest } = await verified()
  const bad = {
    id: 'drift' as const,
    title: 'Last one',
    group: 'public' as const,
    about: [],
    state: 'failed' as const,
    sentence: 'It is broken.',
  }
  const summary = summaryOf({ ...rest, checks: [...checks, bad] })
  expect(summary.indexOf('It is broken')).toBeLessThan(summary.indexOf('✅&nbsp;passed'))
})

test('what a container printed cannot become markup', () => {
  const evidence = ['</pre><script>alert(1)</script>', '| a | b |']
  const step = {
    kind: 'roll-ecs',
    component: 'worker',
    service: 'w',
    from: 'a',
    to: 'b',
    settings: undefined,
    follow: undefined,
    reason: 'r',
  } as const
  const counts = { postgres: 0, clickhouse: 0, archivedRows: 0 }
  const summary = summaryOf(
    conclude('deploy', 'failed', 'x', {
      steps: [
        {
          step,
          state: 'failed',
          sentence: 'a | b <img src=x> [link](http://evil)',
          evidence,
          startedAt: 0,
          endedAt: 1_000,
          counts,
        },
      ],
    }),
  )
  expect(summary).not.toMatch(/<script>|(?<!\\)<img|(?<!\\)\]\(http/)
  expect(summary).toContain('a \\| b')
  expect(summary).toContain('1.0&nbsp;s')
})

test('a summary that evidence makes too long is shown without it, under 900 kB', () => {
  const step = {
    kind: 'roll-ecs',
    component: 'worker',
    service: 'w',
    from: 'a',
    to: 'b',
    settings: undefined,
    follow: undefined,
    reason: 'r',
  } as const
  const counts = { postgres: 0, clickhouse: 0, archivedRows: 0 }
  const evidence = Array.from({ length: 20_000 }, () => 'x'.repeat(100))
  const result = { step, state: 'failed', sentence: 's', evidence, startedAt: 0, endedAt: 1, counts } as const
  const summary = summaryOf(conclude('deploy', 'failed', 'The cause.', { steps: [result] }))
  expect(Buffer.byteLength(summary)).toBeLessThan(900_000)
  expect(summary).toMatch(/The cause\..*too long for a job summary\. The report file contains it/s)
})

test('failed checks come first, passed and skipped ones are folded', async () => {
  const { checks, ...rest } = await verified()
  const bad = { ...checks[0], state: 'failed', sentence: 'It is broken.' } as CheckResult
  const summary = summaryOf({ ...rest, checks: [...checks.slice(1), bad] })
  const [loud = '', quiet = ''] = summary.slice(summary.indexOf('### Checks')).split('<details>')
  expect(loud).toContain('It is broken.')
  expect(loud).not.toMatch(/✅|⏭/)
  expect(quiet).not.toMatch(/❌|❔|⚠/)
  expect(quiet).toMatch(/<summary>\d+ passed, \d+ skipped<\/summary>\n\n\|/)
})

test('endless sentences are clipped, and the end of what is still too long is left out: under 900 kB', async () => {
  const { checks, ...rest } = await verified()
  const sentence = 'y'.repeat(3_000_000)
  const endless = Array.from(
    { length: 3_000 },
    (_, index) => ({ ...checks[index % checks.length], sentence }) as CheckResult,
  )
  const summary = summaryOf({ ...rest, checks: endless, problems: [sentence], warnings: [sentence] })
  expect(Buffer.byteLength(summary)).toBeLessThan(900_000)
  expect(summary).toMatch(
    /One check failed\..*```mermaid.*too long for a job summary\. The report file contains it/s,
  )
  const few = summaryOf({ ...rest, checks: endless.slice(0, 20) })
  expect(few.match(/the whole text is in the report file/g)).toHaveLength(20)
})

test('the report is JSON with its schema number and says what the outputs say', async () => {
  const report = JSON.parse(reportOf(await verified(), same))
  expect(report).toMatchObject({
    schema: 1,
    action: 'verify',
    outcome: 'failed',
    outputs: { outcome: 'failed' },
  })
})

test('secrets are hidden wherever they appear, and passwords in URLs even if they were not masked', () => {
  expect(redact('P1001 at postgresql://langfuse:s3cr@t@db', ['s3cr@t'])).not.toContain('s3cr@t')
  expect(redact('connect postgresql://langfuse:hunter2@db:5432/x', [])).toBe(
    'connect postgresql://langfuse:***@db:5432/x',
  )
  expect(redact('key abc and abcdef', ['abc', 'abcdef'])).toBe('key *** and ***')
})

test('a restore is a document of its own and folded in the summary, and no part of the report file', async () => {
  const restore = runbook({
    stack: stackOn2(),
    target: { release: '2.93.7', snapshot: '```x', record: '7' },
    restore: restoreFacts(),
  })
  const conclusion = conclude('rollback', 'refused', 'Nothing was changed.', { restore })
  const files = new Map<string, string>()
  let summary = ''
  const runner = {
    redact: same,
    info: () => undefined,
    output: () => undefined,
    annotate: () => undefined,
    summary: async (text: string) => {
      summary = text
    },
    file: async (name: string, text: string) => {
      files.set(name, text)
      return `/tmp/${name}`
    },
  } as unknown as Runner
  await publish(conclusion, runner)
  const document = files.get('restore.md') ?? ''
  expect(document).toMatch(/^# Restore of Langfuse 2\.93\.7 from its backups\n/)
  expect(document).toContain('````sh\n(\nset -euo pipefail\nexport AWS_REGION=ap-northeast-1')
  expect(document).toMatch(/\necho "Step 2 is done\."\n\)\n/)
  expect(summary).toContain('<details><summary>The commands of the restore</summary>')
  expect(summary).toContain('aws rds restore-db-cluster-from-snapshot')
  expect(files.get('rollback-report.json')).not.toContain('restore-db-cluster-from-snapshot')
})
