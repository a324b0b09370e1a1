import type { EcrImage } from '../../src/ports/cloud.ts'
import { ecrRepository } from '../../src/release/image.ts'
import type { RestorePoints } from '../../src/stack/observe-backups.ts'
import type { ImageRepository, Registry } from '../../src/stack/observe-images.ts'
import { type EcsComponent, known, type RunningImage, type Stack } from '../../src/stack/stack.ts'
import { stackOn2 } from './stack.ts'

export const NOW = Date.UTC(2026, 10, 20)
const DAY_MS = 86_400_000

/** A stack that no check has anything to say against, to be spoiled one fact at a time. */
export function soundStack(stack: Stack = stackOn2()): Stack {
  const { web } = stack
  if (web.platform !== 'app-runner') throw new Error('The stack of the tests has its web on App Runner')
  const healthCheck = { protocol: 'HTTP', path: '/api/public/health', interval: 20, unhealthyThreshold: 20 }
  const sound = {
    ...stack,
    web: { ...web, image: exact(web.image, '2.93.7'), service: { ...web.service, healthCheck } },
    worker: soundService(stack.worker, '2.93.7', { minimumHealthyPercent: 100, maximumPercent: 200 }),
    clickhouse: soundService(stack.clickhouse, '24.8.7', { minimumHealthyPercent: 0, maximumPercent: 100 }),
  }
  return {
    ...sound,
    infrastructure: { ...stack.infrastructure, registry: registryOf(sound), backups: BACKUPS },
  }
}

const exact = (image: RunningImage, tag: string) => ({ ...image, reference: `${image.repository}:${tag}` })

function soundService(
  component: EcsComponent,
  tag: string,
  percents: { readonly minimumHealthyPercent: number; readonly maximumPercent: number },
): EcsComponent {
  const image = exact(component.image, tag)
  const container = {
    ...component.container,
    image: image.reference,
    logGroup: '/aws/ecs/langfuse',
    healthCheck: { interval: 5, retries: 10, startPeriod: 300 },
    stopTimeout: 120,
    openFiles: 262_144,
  }
  const settings = { ...percents, circuitBreaker: { enable: true, rollback: true } }
  return {
    ...component,
    image,
    container,
    taskDefinition: { ...component.taskDefinition, containers: [container] },
    service: { ...component.service, settings },
  }
}

export const UNTAGGED = JSON.stringify({
  rules: [{ selection: { tagStatus: 'untagged', countType: 'sinceImagePushed', countNumber: 14 } }],
})
const BEFORE = `sha256:${'0b'.repeat(32)}`

function registryOf({ web, worker, clickhouse }: Stack): Stack['infrastructure']['registry'] {
  const at = NOW
  const repos = [web, worker, clickhouse].flatMap(({ component, image }): readonly ImageRepository[] => {
    const repository = ecrRepository(image.repository)
    if (repository === undefined || image.digest === undefined) return []
    const images: readonly EcrImage[] = [
      { digest: image.digest, tags: [image.version ?? ''], pushedAt: at - DAY_MS },
      { digest: BEFORE, tags: ['2.90.0'], pushedAt: at - 9 * DAY_MS },
    ]
    const previous = { wanted: { digest: BEFORE }, source: `${component}:1` }
    return [
      { component, repository, settings: { mutability: 'IMMUTABLE', lifecycle: UNTAGGED }, images, previous },
    ]
  })
  return known<Registry>({ repos, at }, 'ecr')
}

const BACKUPS: RestorePoints = {
  database: known(
    {
      kind: 'cluster',
      id: 'langfuse-postgres',
      engine: 'aurora-postgresql',
      status: 'available',
      endpoints: [],
      version: '16.4',
      deletionProtection: true,
      retentionDays: 14,
    },
    'rds',
  ),
  files: known([{ arn: 'arn:1', vault: 'Default', status: 'COMPLETED', createdAt: NOW - DAY_MS }], 'backup'),
  at: NOW,
}
