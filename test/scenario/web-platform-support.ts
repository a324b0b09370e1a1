import { expect } from '@jest/globals'
import type { Stage } from '../../sandbox/rehearse.ts'

export const UPGRADE = { version: '3.0.0', backup: 'false' }

/** Upgraded, verified and rolled back. */
export async function expectThereAndBack({ run }: Stage, platform: 'ecs' | 'ecs-express'): Promise<void> {
  const deployed = await run('deploy', UPGRADE)
  expect(deployed.outputs).toMatchObject({
    outcome: 'deployed',
    'previous-version': '2.93.7',
    'current-version': '3.0.0',
  })
  expect(deployed.summary).toMatch(platform === 'ecs' ? /web · ECS/ : /web · ECS Express/)
  const env = { AWS_ENDPOINT_URL_APPRUNNER: 'http://apprunner.nowhere.invalid' }
  const verified = await run('verify', {}, { env })
  expect(verified.outputs).toMatchObject({ outcome: 'passed', 'current-version': '3.0.0' })
  expect(verified.stdout).toMatch(
    /The web is ECS service langfuse_web, because App Runner has no endpoint in ap-northeast-1/,
  )
  const back = await run('rollback')
  expect(back.outputs).toMatchObject({
    outcome: 'rolled-back',
    'current-version': '2.93.7',
    'clickhouse-reverted': '1',
  })
}
