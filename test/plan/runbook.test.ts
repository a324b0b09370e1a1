import { expect, test } from '@jest/globals'
import { NOTHING, type Undo } from '../../src/plan/rollback-class.ts'
import { linesOf, type RestoreQuestion, type Runbook, runbook } from '../../src/plan/runbook.ts'
import { clickhouseName, type ReleaseFacts } from '../../src/release/facts.ts'
import { known, unknown } from '../../src/stack/stack.ts'
import { CLUSTER, INSTANCE, MULTI_AZ, POINT, type Ran, restoreFacts, runScript } from '../support/restore.ts'
import { FACTS, stackOn3 } from '../support/stack.ts'

const DROPS = '20241206115829_b'
const TABLES: Pick<ReleaseFacts, 'postgresStep'> = {
  postgresStep: () => ({
    added: {},
    changed: {},
    renamed: [],
    removed: { 'table public.traces': {}, 'table public.scores': {}, 'index public.traces.x': {} },
  }),
}
const file = FACTS.downSql('postgres', DROPS)
if (file === undefined) throw new Error('unreachable')
const CUT_OVER: Undo = {
  ...NOTHING,
  postgres: [DROPS],
  sql: [{ ...file, class: 'restore', loses: 'all traces' }],
}
const UNKNOWN: Undo = { ...NOTHING, postgres: ['x'], missing: ['postgres/x'] }
const BOTH: Undo = {
  ...UNKNOWN,
  clickhouse: [6],
  clickhouseHead: 5,
  missing: ['postgres/x', `clickhouse/${clickhouseName(6)}`],
}

function of(undo: Undo, over: Partial<RestoreQuestion> = {}): Runbook {
  const target = { release: '2.93.7', snapshot: 'before', recoveryPoint: POINT, record: '7' }
  return runbook({ stack: stackOn3(), target, restore: restoreFacts(), ...over }, undo, TABLES)
}

/** The scripts of all steps, run one after the other. */
function play({ steps }: Pick<Runbook, 'steps'>): readonly Ran[] {
  const psql = '#!/bin/sh\nif [ "$4" = -At ]; then echo 3; else echo COPY 3; fi\n'
  return steps.flatMap(({ script }) =>
    script === undefined ? [] : runScript(script, { psql, pg_dump: '#!/bin/sh\n' }),
  )
}

const verbs = (ran: readonly Ran[]) =>
  ran.flatMap(({ calls }) =>
    calls.map(call =>
      call
        .filter(word => !word.startsWith('-'))
        .slice(0, 3)
        .join(' '),
    ),
  )

test('dropped tables: images and schemas first, then copies of the tables, then what returns completely', () => {
  const lines = linesOf(of(CUT_OVER))
  expect(lines[0]).toContain('`to: 2.93.7` and `accept: restore`')
  expect(lines[1]).toMatch(/Restore PostgreSQL's snapshot as a second cluster, langfuse-restored\./)
  expect(lines[2]).toMatch(/Copy the empty tables \(scores, traces\)/)
  expect(lines[3]).toContain('Run the verify action')
  expect(of(CUT_OVER).steps[5]?.instead).toContain('Or return to the time of the backups completely')
  expect(of(CUT_OVER).notes.join('\n')).toContain('all traces')
})

test('the copy gets every setting of the cluster that runs, its instances only after it is available', () => {
  const [ran] = play({ ...of(CUT_OVER), steps: of(CUT_OVER).steps.slice(1, 2) })
  const [restore, waited, writer, reader, ...rest] = ran?.calls ?? []
  expect(restore?.join(' ')).toBe(
    'rds restore-db-cluster-from-snapshot --snapshot-identifier before --db-cluster-identifier langfuse-restored --engine aurora-postgresql --engine-version 15.4 --db-cluster-parameter-group-name langfuse-aurora15 --db-subnet-group-name langfuse --vpc-security-group-ids sg-1 sg-2 --port 5433 --network-type IPV4 --serverless-v2-scaling-configuration MinCapacity=1,MaxCapacity=8 --enable-cloudwatch-logs-exports postgresql --deletion-protection --copy-tags-to-snapshot --no-enable-iam-database-authentication --tags [{"Key":"Name","Value":"the team\'s own"}]',
  )
  expect(waited?.join(' ')).toBe('rds wait db-cluster-available --db-cluster-identifier langfuse-restored')
  expect(writer?.join(' ')).toMatch(
    /^rds create-db-instance --db-instance-identifier langfuse-restored-1 .*--db-instance-class db\.serverless --db-parameter-group-name langfuse-instance --promotion-tier 0 .*--no-auto-minor-version-upgrade .*--monitoring-interval 60/,
  )
  expect(reader?.join(' ')).toMatch(/langfuse-restored-2 .*--promotion-tier 1/)
  expect(rest.map(call => call.slice(0, 3).join(' '))).toEqual([
    'rds wait db-instance-available',
    'rds wait db-instance-available',
    'rds modify-db-cluster --db-cluster-identifier',
    'rds wait db-cluster-available',
  ])
  expect(rest[2]?.join(' ')).toMatch(
    /--backup-retention-period 14 --preferred-backup-window 17:00-17:30 .*--enable-http-endpoint$/,
  )
})

test.each([
  ['an RDS instance', known(INSTANCE, 'rds'), /restore-db-instance-from-db-snapshot .*--multi-az .*--tags/],
  [
    'a Multi-AZ DB cluster',
    known(MULTI_AZ, 'rds'),
    /--db-cluster-instance-class db\.m6gd\.large --iops 3000/,
  ],
])('%s is restored by its own commands', (_, database, expected) => {
  const [ran] = play({
    steps: of(CUT_OVER, { restore: restoreFacts({ database }) }).steps.slice(1, 2),
  })
  expect(ran?.calls[0]?.join(' ')).toMatch(expected)
  expect(verbs(ran === undefined ? [] : [ran])).not.toContain('rds create-db-instance langfuse-restored-1')
})

test('every script of every runbook succeeds where AWS does what it is asked, and waits for what it begins', () => {
  for (const undo of [CUT_OVER, UNKNOWN, BOTH]) {
    const all = play(of(undo))
    expect(all.map(({ status, stderr }) => ({ status, stderr }))).toEqual(
      all.map(() => ({ status: 0, stderr: '' })),
    )
    expect(verbs(all).filter(verb => verb.startsWith('rds wait')).length).toBeGreaterThan(7)
  }
})

test('a complete return stops the web before the worker and ClickHouse, and starts them in the reverse', () => {
  const changes = verbs(play(of(UNKNOWN))).filter(verb => /^(apprunner (pause|resume)|ecs update)/.test(verb))
  expect(changes.slice(0, 4)).toEqual([
    'apprunner pause-service arn:aws:apprunner:ap-northeast-1:123456789012:service/langfuse_web/abc',
    'ecs update-service langfuse',
    'ecs update-service langfuse',
    'apprunner resume-service arn:aws:apprunner:ap-northeast-1:123456789012:service/langfuse_web/abc',
  ])
})

test('a rename ends only when the new name answers, and the endpoint must be the one before', () => {
  const { steps } = of(UNKNOWN)
  const swap = steps.find(({ what }) => what.startsWith('Swap the names'))?.script ?? ''
  const renamed = runScript(swap).calls.filter(call => call[1]?.startsWith('modify'))
  expect(renamed.map(call => [call[3], call[5]])).toEqual([
    ['langfuse-writer', 'langfuse-before-restore-1'],
    ['langfuse-reader', 'langfuse-before-restore-2'],
    ['langfuse', 'langfuse-before-restore'],
    ['langfuse-restored-1', 'langfuse-writer'],
    ['langfuse-restored-2', 'langfuse-reader'],
    ['langfuse-restored', 'langfuse'],
  ])
  const never = '#!/bin/sh\ncase "$2" in describe*) exit 254 ;; esac\n'
  expect(runScript(swap, { aws: never, seq: '#!/bin/sh\necho 1 2\n' })).toMatchObject({
    status: 1,
    stderr: 'langfuse-writer is not renamed to langfuse-before-restore-1 after an hour.\n',
  })
  const elsewhere = '#!/bin/sh\necho other.example\n'
  expect(runScript(swap, { aws: elsewhere })).toMatchObject({ status: 1 })
})

test('where the older web cannot start on ClickHouse, its files are restored before the images', () => {
  const lines = linesOf(of(BOTH))
  const at = (text: RegExp) => lines.findIndex(line => text.test(line))
  expect(at(/Stop the worker\./)).toBeLessThan(at(/Stop ClickHouse, move the restored files/))
  expect(at(/move the restored files/)).toBeLessThan(
    at(/Run the rollback action with `to: 2\.93\.7` and `sql: images-only`/),
  )
  expect(at(/images-only/)).toBeLessThan(at(/Swap the names of the two clusters/))
})

test('files: a task that mounts the root of the file system moves them while ClickHouse is stopped', () => {
  const { steps } = of(BOTH)
  const script = steps.find(({ what }) => what.startsWith('Stop ClickHouse'))?.script ?? ''
  const { calls } = runScript(script)
  const sequence = calls.map(call => call[1])
  expect(sequence.slice(0, 4)).toEqual([
    'update-service',
    'wait',
    'describe-services',
    'register-task-definition',
  ])
  expect(sequence.slice(-2)).toEqual(['update-service', 'wait'])
  const definition = JSON.parse(calls[3]?.[3] ?? '') as { volumes: readonly unknown[] }
  expect(definition.volumes).toEqual([
    {
      name: 'files',
      efsVolumeConfiguration: { fileSystemId: 'fs-1', rootDirectory: '/', transitEncryption: 'ENABLED' },
    },
  ])
  const running = '#!/bin/sh\n[ "$2" != describe-services ] || echo 1\n'
  expect(runScript(script, { aws: running })).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('stop it first'),
  })
})

test('a recovery point whose restore fails ends the script with the reason', () => {
  const step = of(BOTH).steps.find(({ what }) => what.startsWith('Restore the recovery point'))
  const failed = '#!/bin/sh\ncase "$*" in *StatusMessage*) echo no space ;; *describe*) echo FAILED ;; esac\n'
  expect(runScript(step?.script ?? '', { aws: failed })).toMatchObject({ status: 1, stderr: 'no space\n' })
})

test("Terraform: a cluster keeps its address by its name; an instance's state holds its resource id", () => {
  const terraform = (over: Partial<RestoreQuestion>) =>
    of(UNKNOWN, over).steps.find(step => step.what.startsWith('Show Terraform'))
  const cluster = terraform({})
  expect(cluster?.what).toMatch(/nothing has to be imported or moved\. Never add `snapshot_identifier`/)
  expect(cluster?.script).toMatch(/terraform apply -refresh-only\nterraform plan -detailed-exitcode/)
  const instance = terraform({ restore: restoreFacts({ database: known(INSTANCE, 'rds') }) })
  expect(instance?.script).toContain('terraform state rm ADDRESS\nterraform import ADDRESS langfuse-db\n')
})

test('what could not be read has a placeholder and its reason; nothing is called a default', () => {
  const restore = restoreFacts({ database: unknown('allow rds:DescribeDBClusters', 'no-evidence') })
  const { notes, steps } = of(CUT_OVER, { restore })
  expect(notes.join('\n')).toMatch(/Words in capitals .*allow rds:DescribeDBClusters/)
  expect(steps[1]?.script).toMatch(/CLUSTER-restored[\s\S]*SUBNET_GROUP[\s\S]*INSTANCE_CLASS/)
})

test('without a snapshot on record, it shows how to find one', () => {
  const { steps } = of(CUT_OVER, { target: { release: '2.93.7', record: undefined } })
  expect(steps[1]?.what).toMatch(/describe-db-cluster-snapshots --db-cluster-identifier langfuse/)
})

test('a name that somebody else chose cannot become a command', () => {
  const target = { release: '2.93.7', snapshot: "x'; touch /tmp/owned; '$(id)`id`\n", record: undefined }
  const [ran] = play({ steps: of(CUT_OVER, { target }).steps.slice(1, 2) })
  expect(ran?.calls[0]?.[3]).toBe("x'; touch /tmp/owned; '$(id)`id`")
})

test('a cluster name of 63 characters still gets names that RDS takes', () => {
  const database = known({ ...CLUSTER, id: `${'a'.repeat(46)}-${'b'.repeat(16)}` }, 'rds')
  const names = play(of(UNKNOWN, { restore: restoreFacts({ database }) }))
    .flatMap(({ calls }) => calls)
    .flatMap(call => call.filter((_, index) => /identifier$/.test(call[index - 1] ?? '')))
  expect(names.filter(name => !/^[a-z](?!.*--)[a-z0-9-]{0,62}$/.test(name) || name.endsWith('-'))).toEqual([])
})
