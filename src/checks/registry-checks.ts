import { componentName } from '../plan/plan.ts'
import { parseImage, shortDigest, shortImage } from '../release/image.ts'
import { expiryOf } from '../release/lifecycle.ts'
import { exactVersion, findImage, type ImageRepository, type Registry } from '../stack/observe-images.ts'
import { imageOf, type RunningImage, type Stack } from '../stack/stack.ts'
import type { Check, Finding } from './check.ts'
import {
  capital,
  failed,
  inconclusive,
  KIND,
  missing,
  moduleHint,
  passed,
  plural,
  skipped,
  warning,
} from './check.ts'

const COMPONENTS = ['web', 'worker', 'clickhouse'] as const

/** Seen in practice: a floating tag moved to the next major release, and a cold start migrated to it. */
const imageTags = {
  ...KIND.infrastructure,
  id: 'image-tags',
  title: 'Running images are named by an exact release or a digest',
  about: ['web', 'worker', 'clickhouse'],
  run({ stack }) {
    const moved = COMPONENTS.flatMap(component => movedTag(stack, component))
    if (moved.length > 0)
      return failed(
        `${moved.join('; ')}. The next task start pulls a different image. Deploy the release that should run; the deploy action pins it by digest.${moduleHint(stack, 'floating')}`,
      )
    const floating = COMPONENTS.filter(component => floats(imageOf(stack, component)))
    if (floating.length > 0) {
      const names = floating.map(
        component =>
          `${capital(componentName(component))} (${shortImage(imageOf(stack, component).reference)})`,
      )
      return warning(
        `${names.join(', ')} ${floating.length === 1 ? 'uses' : 'use'} a tag that is not an exact release, so the next task start may pull a different image. Deploy an exact release; the deploy action pins it by digest.${moduleHint(stack, 'floating')}`,
      )
    }
    const { registry } = stack.infrastructure
    const nowhere = COMPONENTS.filter(component => isUnresolved(stack, component))
    if (nowhere.length > 0) {
      const names = nowhere.map(component => shortImage(imageOf(stack, component).reference))
      return inconclusive(
        `${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} not in ECR, so this check cannot see whether ${names.length === 1 ? 'its tag' : 'their tags'} moved. Deploy an ECR image by digest.`,
      )
    }
    const pinned = COMPONENTS.every(component => parseImage(imageOf(stack, component).reference)?.digest)
    if (!registry.known && !pinned)
      return inconclusive(`Cannot tell whether a tag was moved: ${registry.reason}.`)
    return passed('Each image is named by its digest, or by an exact tag that still points to it.')
  },
} as const satisfies Check

function floats({ reference }: RunningImage): boolean {
  const image = parseImage(reference)
  return (
    image?.digest === undefined && exactVersion(image?.tag === undefined ? [] : [image.tag]) === undefined
  )
}

/** App Runner reports no digest, so this cannot find a moved tag of its web. */
function movedTag(stack: Stack, component: ImageRepository['component']): readonly string[] {
  const { reference, digest, source } = imageOf(stack, component)
  const image = parseImage(reference)
  const repo = repoOf(stack.infrastructure.registry, component)
  if (repo === undefined || image === undefined || image.digest !== undefined) return []
  if (digest === undefined || source !== 'digest of the running task') return []
  const now = findImage(repo, { tag: image.tag ?? 'latest' })
  if (now === undefined || now.digest === digest) return []
  const version = exactVersion(now.tags)
  return [
    `${capital(componentName(component))} runs ${shortDigest(digest)}, but \`${shortImage(reference)}\` now points to ${shortDigest(now.digest)}${version === undefined ? '' : ` (${version})`}`,
  ]
}

function isUnresolved(stack: Stack, component: ImageRepository['component']): boolean {
  const repo = repoOf(stack.infrastructure.registry, component)
  const image = parseImage(imageOf(stack, component).reference)
  if (repo === undefined || image === undefined || image.digest !== undefined) return false
  return findImage(repo, { tag: image.tag ?? 'latest' }) === undefined
}

const imageMutability = {
  ...KIND.infrastructure,
  id: 'image-mutability',
  title: 'ECR image tags cannot be moved',
  about: ['web', 'worker', 'clickhouse'],
  run: ({ stack }) =>
    onRepos(stack, repos => {
      const loose = repos.filter(({ settings }) => settings.mutability.startsWith('MUTABLE'))
      const byTag = loose.filter(
        ({ component }) => parseImage(imageOf(stack, component).reference)?.digest === undefined,
      )
      const names = (list: readonly ImageRepository[]) =>
        list.map(({ repository }) => repository.name).join(', ')
      if (byTag.length > 0)
        return warning(
          `Tags in ECR repository ${names(byTag)} can be moved, and the running image is named by such a tag. Make the tags immutable, or deploy by digest as the deploy action does.${moduleHint(stack, 'mutable')}`,
        )
      if (loose.length > 0)
        return passed(`Tags of ${names(loose)} can be moved, but the running images are pinned by digest.`)
      return passed(`No tag of ${names(repos)} can be moved.`)
    }),
} as const satisfies Check

/** ECS pulls the image again when it replaces a task. */
const imageRetention = {
  ...KIND.infrastructure,
  id: 'image-retention',
  title: 'ECR keeps the running images',
  about: ['web', 'worker', 'clickhouse'],
  run: ({ stack }) =>
    onRepos(stack, (repos, { at }) => {
      const gone = repos.filter(repo => runningOn(repo, stack) === undefined)
      if (gone.length > 0) {
        const names = gone.map(repo => `${componentName(repo.component)} image in ${repo.repository.name}`)
        return failed(
          `The running image is no longer in ECR (${names.join(', ')}), so the next task cannot start. Push it again with its release as tag, and let lifecycle policies expire untagged images only.${moduleHint(stack, 'retention')}`,
        )
      }
      const doomed = repos.flatMap(repo => {
        const digest = runningOn(repo, stack)?.digest
        return digest === undefined ? [] : dooms(repo, digest, at)
      })
      if (doomed.length === 0) return passed('No lifecycle policy deletes a running image.')
      return warning(
        `An ECR lifecycle policy deletes the running image: ${doomed.join(', ')}. After that no task can start. Let the policy expire untagged images only.${moduleHint(stack, 'retention')}`,
      )
    }),
} as const satisfies Check

const rollbackImage = {
  ...KIND.infrastructure,
  id: 'rollback-image',
  title: 'ECR keeps the images for a rollback',
  about: ['web', 'worker', 'clickhouse'],
  run: ({ stack }) =>
    onRepos(stack, (repos, { at }) => {
      const before = repos.flatMap(repo =>
        repo.previous === undefined ? [] : [{ repo, previous: repo.previous }],
      )
      if (before.length === 0) return skipped('No task definition names a previous image.')
      const seen = before.map(item => ({ ...item, image: findImage(item.repo, item.previous.wanted) }))
      const gone = seen.filter(({ image }) => image === undefined)
      if (gone.length > 0) {
        const names = gone.map(
          ({ repo, previous }) => `${componentName(repo.component)} (${previous.source})`,
        )
        return warning(
          `The previous image is no longer in ECR, so a rollback cannot start it: ${names.join(', ')}. Push it again (\`mirror-from\` copies it), and let lifecycle policies expire untagged images only.${moduleHint(stack, 'retention')}`,
        )
      }
      const doomed = seen.flatMap(({ repo, image }) =>
        image === undefined ? [] : dooms(repo, image.digest, at),
      )
      if (doomed.length === 0)
        return passed(
          `The previous images are in ECR: ${before.map(({ previous }) => previous.source).join(', ')}.`,
        )
      return warning(
        `An ECR lifecycle policy deletes the image for a rollback: ${doomed.join(', ')}. Let the policy expire untagged images only.${moduleHint(stack, 'retention')}`,
      )
    }),
} as const satisfies Check

export const REGISTRY_CHECKS = [imageTags, imageMutability, imageRetention, rollbackImage] as const

function onRepos(
  stack: Stack,
  evaluate: (repos: readonly ImageRepository[], registry: Registry) => Finding,
): Finding {
  const { registry } = stack.infrastructure
  if (!registry.known) return missing(registry)
  const { repos } = registry.value
  if (repos.length === 0) return skipped('No running image comes from ECR.')
  return evaluate(repos, registry.value)
}

function repoOf(
  registry: Stack['infrastructure']['registry'],
  component: ImageRepository['component'],
): ImageRepository | undefined {
  return registry.known ? registry.value.repos.find(repo => repo.component === component) : undefined
}

/** By digest if known, else by tag. */
function runningOn(repo: ImageRepository, stack: Stack) {
  const { digest, reference } = imageOf(stack, repo.component)
  return findImage(repo, digest === undefined ? { tag: parseImage(reference)?.tag ?? 'latest' } : { digest })
}

/** Soon enough to warn. */
const FEW_PUSHES = 10
const FEW_DAYS = 30

function dooms(repo: ImageRepository, digest: string, at: number): readonly string[] {
  const expiry = expiryOf({ digest, images: repo.images, policy: repo.settings.lifecycle, at })
  const name = `${componentName(repo.component)} image in ${repo.repository.name}`
  if (expiry === undefined) return []
  if (expiry.kind === 'unreadable') return [`${name} (its policy cannot be read)`]
  if (expiry.left <= 0) return [`${name} within a day`]
  if (expiry.kind === 'pushes' && expiry.left < FEW_PUSHES)
    return [`${name} after ${plural(expiry.left, 'more push', 'more pushes')}`]
  if (expiry.kind === 'days' && expiry.left < FEW_DAYS) return [`${name} in ${Math.ceil(expiry.left)} days`]
  return []
}
