import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { Client } from 'pg'
import { startArticleStack } from '../../sandbox/article.ts'

test("the article's stack is what its Terraform module leaves: steady, migrated, and with its known faults", async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sandbox-article-'))
  const stack = await startArticleStack({ folder })
  const { world } = stack.sandbox
  try {
    const { services } = await world.call('ecs', 'DescribeServices', {
      cluster: 'langfuse',
      services: ['langfuse_worker', 'clickhouse'],
    })
    const percents = { maximumPercent: 200, minimumHealthyPercent: 100 }
    expect(services).toMatchObject([
      { runningCount: 1, deploymentConfiguration: percents, deployments: [{ rolloutState: 'COMPLETED' }] },
      { runningCount: 1, deploymentConfiguration: percents, deployments: [{ rolloutState: 'COMPLETED' }] },
    ])
    const { taskDefinition } = await world.call('ecs', 'DescribeTaskDefinition', {
      taskDefinition: 'langfuse-worker',
    })
    expect(JSON.stringify(taskDefinition)).toContain('ENCRIPTION_KEY')
    expect(JSON.stringify(taskDefinition)).not.toContain('ENCRYPTION_KEY')
    const [web] = world.appRunner.services.values()
    expect(await world.call('apprunner', 'DescribeService', { ServiceArn: web?.arn })).toMatchObject({
      Service: { Status: 'RUNNING', HealthCheckConfiguration: { Protocol: 'TCP' } },
    })
    const health = await fetch(`${stack.webUrl}/api/public/health`)
    expect(await health.json()).toEqual({ status: 'OK', version: '2.93.7' })

    const client = new Client({ connectionString: stack.databaseUrlLocal })
    await client.connect()
    const { rows } = await client.query(
      'SELECT count(*)::int AS n FROM _prisma_migrations WHERE finished_at IS NOT NULL',
    )
    await client.end()
    expect(rows).toEqual([{ n: 271 }])
    const head = await fetch(`${stack.clickhouseUrlLocal}/`, {
      method: 'POST',
      body: 'SELECT version, dirty FROM schema_migrations ORDER BY sequence DESC LIMIT 1',
      headers: { 'X-ClickHouse-User': stack.clickhouseUser, 'X-ClickHouse-Key': stack.clickhousePassword },
    })
    expect(await head.text()).toBe('5\t0\n')
  } finally {
    await stack.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  expect(world.runtime.alive()).toBe(0)
})
