import { expect, test } from '@jest/globals'
import { runbook } from '../../src/plan/runbook.ts'
import { stackOn3 } from '../support/stack.ts'

test('the restore runbook brings the images back before it touches a database', () => {
  const lines = runbook({
    stack: stackOn3(),
    target: { snapshot: 'langfuse-2-93-7-to-3-0-0-1', release: '2.93.7' },
  })
  expect(lines[0]).toContain('`to: 2.93.7` and `accept: restore`')
  expect(lines[1]).toContain('--snapshot-identifier langfuse-2-93-7-to-3-0-0-1')
  expect(lines[1]).toContain('--region ap-northeast-1')
})

test('without a snapshot on record, it says how to find one', () => {
  const lines = runbook({ stack: stackOn3(), target: { snapshot: undefined, release: '2.93.7' } })
  expect(lines[1]).toMatch(/describe-db-cluster-snapshots --region ap-northeast-1/)
})
