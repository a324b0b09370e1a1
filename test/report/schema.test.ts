import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { CHECKS, runChecks } from '../../src/checks/run.ts'
import { type Conclusion, conclude } from '../../src/report/conclusion.ts'
import { reportOf } from '../../src/report/publish.ts'
import { FACTS, stackOn2 } from '../support/stack.ts'
import { type Schema, violations } from './json-schema.ts'

const SCHEMA = JSON.parse(readFileSync('docs/report.schema.json', 'utf8')) as Schema

const reportFrom = (conclusion: Conclusion) =>
  JSON.parse(reportOf(conclusion, text => text)) as Record<string, unknown>

async function verified(): Promise<Conclusion> {
  const stack = stackOn2()
  const checks = await runChecks(CHECKS, { stack, expected: undefined, facts: FACTS })
  const differences = [{ component: 'web' as const, member: 'cpu', was: '1024', is: '512' }]
  return conclude('verify', 'failed', 'Something differs.', { stack, checks, differences, issue: '7' })
}

test('a report of a run that could do nothing fits the schema, whatever action it was', () => {
  for (const [action, outcome] of [
    ['deploy', 'refused'],
    ['verify', 'inconclusive'],
    ['rollback', 'refused'],
  ] as const) {
    expect([action, violations(reportFrom(conclude(action, outcome, 'No.')), SCHEMA)]).toEqual([action, []])
  }
})

test('a report with checks, a picture, drift and an issue fits the schema', async () => {
  expect(violations(reportFrom(await verified()), SCHEMA)).toEqual([])
})

test.each<readonly [string, (report: Record<string, unknown>) => Record<string, unknown>, RegExp]>([
  ['an unknown outcome', report => ({ ...report, outcome: 'done' }), /\$\.outcome: is none of/],
  ['an unknown member', report => ({ ...report, secret: 1 }), /\$: has secret/],
  ['no checks', ({ checks: _, ...report }) => report, /\$: has no checks/],
  ['an output that is missing', report => ({ ...report, outputs: { outcome: 'passed' } }), /has no drift/],
  [
    'a check in a state that there is not',
    report => ({ ...report, checks: [{ state: 'good' }] }),
    /\$\.checks\[0\]\.state: is none of/,
  ],
  [
    'a difference without what it was',
    report => ({ ...report, differences: [{ component: 'web', member: 'cpu', is: '1' }] }),
    /\$\.differences\[0\]: has no was/,
  ],
])('%s does not fit', async (_name, spoil, problem) => {
  expect(violations(spoil(reportFrom(await verified())), SCHEMA).join('\n')).toMatch(problem)
})
