import DEFECTS from '../../docs/module-defects.json' with { type: 'json' }
import type { Stack } from '../stack/stack.ts'

/** A line of the article's Terraform module: a key of docs/module-defects.json. */
export type ModuleLine = keyof typeof DEFECTS

/** The end of a finding on a stack of the article's Terraform module: which lines to change. Empty on any other stack. */
export function moduleHint(stack: Stack, ...lines: readonly ModuleLine[]): string {
  if (lines.length === 0 || !isOfModule(stack)) return ''
  const changes = lines.map(line => {
    const { file, resource, change } = DEFECTS[line]
    return `${file}, ${resource}: \`${change}\``
  })
  return ` In the article's Terraform module: ${changes.join('; ')}.`
}

/**
 * Whether the stack has all the names that the module (tubone24/langfuse-v3-terraform, commit a711e1d) gives it. Cluster
 * and services alone prove nothing: they are the defaults of the actions' inputs.
 */
export function isOfModule({ cluster, worker, clickhouse, web, discovery }: Stack): boolean {
  const { CLICKHOUSE_URL = '' } = worker.container.environment
  const names = [discovery.known ? discovery.value.name : undefined, URL.parse(CLICKHOUSE_URL)?.hostname]
  return (
    cluster === 'langfuse' &&
    worker.service.name === 'langfuse_worker' &&
    worker.taskDefinition.family === 'langfuse-worker' &&
    clickhouse.service.name === 'clickhouse' &&
    clickhouse.taskDefinition.family === 'clickhouse' &&
    clickhouse.taskDefinition.volumes.some(({ name }) => name === 'clickhouse_data') &&
    web.platform === 'app-runner' &&
    web.service.name === 'langfuse_web' &&
    names.includes('clickhouse.langfuse.local')
  )
}
