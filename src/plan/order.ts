import type { Component, DeployConfig } from '../inputs/config.ts'
import { missingClickHouse } from '../release/requirements.ts'
import { runningClickHouse } from '../stack/rules.ts'
import type { Stack } from '../stack/stack.ts'
import type { Targets } from '../stack/targets.ts'
import { wantedClickHouse } from './preflight-clickhouse.ts'

export type Order = {
  readonly components: readonly Component[]
  /** Why ClickHouse left its place in the order that was asked for; undefined: it did not. */
  readonly clickhouseFirst: string | undefined
}

/**
 * The order that was asked for, unless the target needs a newer ClickHouse than runs: then ClickHouse goes first, and
 * the other two keep their order. Releases before the target work on the newer ClickHouse too ("upgrade ClickHouse
 * before the server", https://langfuse.com/self-hosting/upgrade/upgrade-guides/upgrade-v3-to-v4).
 */
export function componentOrder(question: {
  readonly config: DeployConfig
  readonly stack: Stack
  readonly targets: Targets
}): Order {
  const { config, stack, targets } = question
  const asked = config.order
  const running = runningClickHouse(stack)
  const minimum = running === undefined ? undefined : missingClickHouse(config.version, running)
  const changes = wantedClickHouse(config, targets) !== undefined
  if (minimum === undefined || !changes || asked[0] === 'clickhouse') {
    return { components: asked, clickhouseFirst: undefined }
  }
  return {
    components: ['clickhouse', ...asked.filter(component => component !== 'clickhouse')],
    clickhouseFirst: `ClickHouse goes first and leaves the order \`${asked.join(',')}\`, because Langfuse ${config.version} needs ClickHouse ${minimum} or newer and ${running} runs.`,
  }
}
