import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { openStage, type Stage } from '../../sandbox/rehearse.ts'
import { hasOpenssl } from '../support/strange-web.ts'
import { checksOf, HOSTED, OUTSIDE } from './agent-support.ts'
import { expectDeployedUnseen, runAt, UPGRADE } from './url-support.ts'

/** The other URLs that show no Langfuse, on App Runner; and a web on ECS that answers inside the VPC. */
let folder: string
let stage: Stage

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evidence-'))
})

afterAll(() => rm(folder, { recursive: true, force: true }))

describe('on App Runner', () => {
  beforeAll(async () => {
    stage = await openStage({ folder: join(folder, 'app-runner'), seed: false })
  })

  afterAll(() => stage?.stop())

  test.each([
    ['basic auth', /answers 401/],
    ['firewall', /answers 403/],
    ['self-signed', /TLS certificate .*DEPTH_ZERO_SELF_SIGNED_CERT/],
    ['HTML of another product', /an HTML page and 200/],
    ['JSON of another product', /another product's JSON and 200/],
    ['closed', /did not answer/],
  ] as const)('%s: there and back, and nothing is undone', async (who, reason) => {
    if (who === 'self-signed' && !hasOpenssl) return
    await expectDeployedUnseen(stage, who, reason)
    const back = await runAt(who, stage, 'rollback')
    expect(back.outputs).toMatchObject({ outcome: 'rolled-back', 'current-version': '2.93.7' })
    expect(back.summary).toMatch(/This run did not see the web answer/)
  })

  test('a URL that answered before and no longer does: the deploy goes back', async () => {
    const { outputs, commands } = await runAt('Langfuse 2.93.7', stage, 'deploy', UPGRADE, {
      onLine: (line, web) => {
        if (/^Plan .*→ 3\.0\.0/.test(line)) web.become('login')
        if (/^Plan .*→ 2\.93\.7/.test(line)) web.become('Langfuse 2.93.7')
      },
    })
    expect(outputs).toMatchObject({ outcome: 'rolled-back' })
    expect(commands.at(-1)?.message).toMatch(/answers 302.*It answered before this run.*Rolled back/)
  })
})

describe('on ECS', () => {
  beforeAll(async () => {
    stage = await openStage({ folder: join(folder, 'ecs'), seed: false, webPlatform: 'ecs' })
  })

  afterAll(() => stage?.stop())

  test('a login in front of the web: the agent asks its task, and the outcome says so', async () => {
    openWeb()
    const inputs = { ...UPGRADE, ...OUTSIDE }
    const { outputs, stdout, summary } = await runAt('login', stage, 'deploy', inputs, { env: HOSTED })
    expect(outputs).toMatchObject({ outcome: 'deployed', 'current-version': '3.0.0' })
    expect(stdout).toMatch(/Instead, it checks the web inside the VPC \(http:\/\/10\./)
    expect(summary).toMatch(/The web answered inside the VPC only/)
    const verified = await runAt(
      'login',
      stage,
      'verify',
      { ...OUTSIDE, checks: 'public,inside' },
      { env: HOSTED },
    )
    expect(checksOf(verified, 'public')).toMatchObject([
      { id: 'web-health', state: 'passed' },
      { id: 'web-version', state: 'passed', sentence: 'The web reports 3.0.0.' },
      { id: 'canary' },
    ])
  })
})

/** The web's tasks let the worker's network in, as the agent stands there. */
function openWeb(): void {
  const groups = [...stage.stack.sandbox.world.ec2.groups.values()]
  const worker = groups.find(({ name }) => name === 'langfuse_worker')
  const web = groups.find(({ name }) => name === 'langfuse_vpc_connector')
  if (worker === undefined || web === undefined) throw new Error('The stage has other security groups')
  web.ingress.push({ protocol: 'tcp', from: 3000, to: 3000, groups: [worker.id] })
}
