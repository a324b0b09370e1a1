import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from '@jest/globals'
import { deleteDatabase, restoreBeside, swapBack, swapNames } from '../../src/plan/restore-database.ts'
import { moveFiles, restoreFiles } from '../../src/plan/restore-files.ts'
import { startParts, stopParts } from '../../src/plan/restore-services.ts'
import { block } from '../../src/plan/shell.ts'
import { CLUSTER, INSTANCE, MULTI_AZ, restoreFacts, runScript } from '../support/restore.ts'
import { stackOn3 } from '../support/stack.ts'

const { files } = restoreFacts()
if (!files.known || files.value === undefined) throw new Error('unreachable')
const stack = stackOn3()
const databases = [CLUSTER, { ...CLUSTER, capacity: { min: 0, max: 8, pauseAfter: 300 } }, INSTANCE, MULTI_AZ]
const SCRIPTS = [
  ...databases.flatMap(settings => [
    restoreBeside({ settings, snapshot: 'before', version: '15.4' }),
    swapNames(settings),
    swapBack(settings),
    deleteDatabase(settings, 'copy'),
    deleteDatabase(settings, 'before'),
  ]),
  restoreFiles(files.value),
  ...(['restored', 'back', 'delete'] as const).map(direction =>
    moveFiles(stack, files.value as never, direction),
  ),
  stopParts(stack, ['web', 'worker', 'clickhouse']),
  startParts(stack, ['web', 'worker', 'clickhouse']),
]

const awscli = spawnSync('python3', ['-c', 'import awscli.clidriver']).status === 0
const whereCli = awscli ? test : test.skip

whereCli(
  'the AWS CLI accepts every command of a restore (skipped where python3 has no awscli)',
  () => {
    const region = 'ap-northeast-1'
    const calls = SCRIPTS.flatMap(lines => {
      // The endpoint is not that of every database here.
      const script = block(region, lines).replaceAll(
        /\|\| \{ echo '[^']*has another endpoint[^\n]*/g,
        '|| true',
      )
      return runScript(script).calls
    })
    const wrong = [
      'rds',
      'restore-db-cluster-from-snapshot',
      '--snapshot-identifier',
      'x',
      '--no-such-option',
    ]
    const script = fileURLToPath(new URL('validate_commands.py', import.meta.url))
    const input = [...calls, wrong].map(words => JSON.stringify(words)).join('\n')
    const result = spawnSync('python3', [script], { input, encoding: 'utf8' })
    expect(result.stdout.split('\n').filter(line => !line.includes('--no-such-option'))).toEqual([''])
    expect(result.stdout).toContain('--no-such-option')
    expect(result.stderr).toBe(`${calls.length + 1} commands checked\n`)
    expect(new Set(calls.map(call => call.slice(0, 2).join(' '))).size).toBeGreaterThan(20)
  },
  120_000,
)
