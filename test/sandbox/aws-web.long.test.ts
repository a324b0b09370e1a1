import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { startArticleStack } from '../../sandbox/article.ts'
import { REGISTRY } from '../../sandbox/aws/ids.ts'
import type { JsonObject } from '../../sandbox/aws/json.ts'
import { arrangeEcs } from '../../sandbox/aws/outcomes.ts'
import type { Sandbox } from '../../sandbox/sandbox.ts'
import { ECS, push, send, until, withSandbox } from './aws-helpers.ts'

test.each(['ecs', 'ecs-express'] as const)(
  "the article's web on %s migrates, serves at its front door, and moves to another release",
  async webPlatform => {
    const folder = mkdtempSync(join(tmpdir(), 'sandbox-web-'))
    const stack = await startArticleStack({ folder, webPlatform })
    const { sandbox } = stack
    const version = async () => {
      const response = await fetch(`${stack.webUrl}/api/public/health`, { headers: { connection: 'close' } })
      return ((await response.json()) as { version: string }).version
    }
    try {
      expect(await version()).toBe('2.93.7')
      expect(sandbox.world.appRunner.services.size).toBe(0)
      const image = `${REGISTRY}/langfuse-web:3.0.0`
      if (webPlatform === 'ecs-express') await updateExpress(sandbox, stack.webArn, { image })
      else await updateEcs(sandbox, image)
      await until(
        () => version().catch(String),
        seen => seen === '3.0.0',
        60,
      )
    } finally {
      await stack.stop()
      rmSync(folder, { recursive: true, force: true })
    }
    expect(sandbox.world.runtime.alive()).toBe(0)
  },
)

async function updateEcs(sandbox: Sandbox, image: string) {
  const { body } = await send(sandbox, `${ECS}.DescribeTaskDefinition`, { taskDefinition: 'langfuse-web' })
  const { containerDefinitions, ...rest } = body.taskDefinition as { containerDefinitions: JsonObject[] }
  const made = await sandbox.world.registerTaskDefinition({
    ...rest,
    containerDefinitions: [{ ...containerDefinitions[0], image }],
  })
  await send(sandbox, `${ECS}.UpdateService`, {
    cluster: 'langfuse',
    service: 'langfuse_web',
    taskDefinition: made,
  })
}

async function updateExpress(sandbox: Sandbox, serviceArn: string, change: JsonObject) {
  const before = await describe(sandbox, serviceArn)
  const primaryContainer = { ...before.activeConfigurations[0]?.primaryContainer, ...change }
  const { body } = await send(sandbox, `${ECS}.UpdateExpressGatewayService`, { serviceArn, primaryContainer })
  return body.service as { targetConfiguration: { serviceRevisionArn: string } }
}

async function describe(sandbox: Sandbox, serviceArn: string) {
  const { body } = await send(sandbox, `${ECS}.DescribeExpressGatewayService`, { serviceArn })
  return body.service as {
    currentDeployment?: string
    activeConfigurations: { primaryContainer: JsonObject; serviceRevisionArn: string }[]
  }
}

async function deploymentOf(sandbox: Sandbox, serviceArn: string) {
  const { currentDeployment } = await describe(sandbox, serviceArn)
  return async () => {
    const { body } = await send(sandbox, `${ECS}.DescribeServiceDeployments`, {
      serviceDeploymentArns: [currentDeployment],
    })
    return (body.serviceDeployments as { status: string; lifecycleStage?: string }[])[0]
  }
}

async function startExpress(sandbox: Sandbox): Promise<string> {
  push(sandbox, 'one', { kind: 'scripted', startSeconds: 2 })
  push(sandbox, 'two', { kind: 'scripted', startSeconds: 3 })
  const { service } = await sandbox.world.call('ecs', 'CreateExpressGatewayService', {
    serviceName: 'web',
    executionRoleArn: 'arn:aws:iam::123456789012:role/execution',
    infrastructureRoleArn: 'arn:aws:iam::123456789012:role/infrastructure',
    primaryContainer: { image: `${REGISTRY}/app:one`, containerPort: 3000 },
  })
  const { serviceArn } = service as { serviceArn: string }
  await until(
    () => sandbox.world.ecs.clusters.get('default')?.services.get('web')?.steady,
    steady => steady === true,
  )
  return serviceArn
}

test('Express Mode deploys as a canary: shifts, bakes, and only then stops the old tasks', async () => {
  await withSandbox({ speed: 300 }, async sandbox => {
    const serviceArn = await startExpress(sandbox)
    const updated = await updateExpress(sandbox, serviceArn, { image: `${REGISTRY}/app:two` })
    const look = await deploymentOf(sandbox, serviceArn)
    const stages: string[] = []
    const ended = await until(look, seen => {
      if (seen?.lifecycleStage && stages.at(-1) !== seen.lifecycleStage) stages.push(seen.lifecycleStage)
      return seen?.status === 'SUCCESSFUL'
    })
    // CLEAN_UP is over too soon to be seen every time.
    expect(stages.filter(stage => !['RECONCILE_SERVICE', 'CLEAN_UP'].includes(stage))).toEqual([
      'SCALE_UP',
      'PRODUCTION_TRAFFIC_SHIFT',
      'BAKE_TIME',
    ])
    expect(ended).toMatchObject({ deploymentConfiguration: { strategy: 'CANARY' } })
    const { activeConfigurations } = await describe(sandbox, serviceArn)
    expect(activeConfigurations).toMatchObject([
      {
        serviceRevisionArn: updated.targetConfiguration.serviceRevisionArn,
        primaryContainer: { image: `${REGISTRY}/app:two` },
      },
    ])
  })
})

test.each([
  ['it crashes', undefined],
  ['the load balancer finds it unhealthy', { kind: 'scripted', healthy: false }],
] as const)('Express Mode rolls back when %s', async (_, program) => {
  await withSandbox({ speed: 300 }, async sandbox => {
    const serviceArn = await startExpress(sandbox)
    if (program) push(sandbox, 'two', program)
    else
      await arrangeEcs(sandbox.world, {
        cluster: 'default',
        service: 'web',
        image: `${REGISTRY}/app:two`,
        outcome: 'breaker-rolled-back',
      })
    await updateExpress(sandbox, serviceArn, { image: `${REGISTRY}/app:two` })
    const look = await deploymentOf(sandbox, serviceArn)
    await until(look, seen => seen?.status === 'ROLLBACK_SUCCESSFUL')
    expect((await describe(sandbox, serviceArn)).activeConfigurations).toMatchObject([
      { primaryContainer: { image: `${REGISTRY}/app:one` } },
    ])
  })
})
