import { componentName } from '../plan/plan.ts'
import { parseImage, shortDigest, shortImage } from '../release/image.ts'
import { expiryOf } from '../release/lifecycle.ts'
import { exactVersion } from '../stack/observe-image.ts'
import { findImage, type ImageRepository, type Registry } from '../stack/observe-registry.ts'
import type { RunningImage, Stack } from '../stack/stack.ts'
import { imageOf } from '../stack/stack.ts'
import type { Check, Finding } from './check.ts'
import { failed, inconclusive, passed, skipped, warning } from './check.ts'
import { moduleHint } from './module-hint.ts'

const COMPONENTS = ['web', 'worker', 'clickhouse'] as const

/** Row 1 of the instructive failures: a floating tag moved over a major release, and a cold start migrated to it. */
const imageTags = {
  id: 'image-tags',
  title: 'What runs is named by an exact release or a digest',
  group: 'control-plane',
  needs: ['infrastructure'],
  settles: false,
  about: ['web', 'worker', 'clickhouse'],
  run({ stack }) {
    const moved = COMPONENTS.flatMap(component => movedTag(stack, component))
    if (moved.length > 0) {
      return failed(
        `${moved.join('; ')}: the next task that starts runs something else than what was tested. Deploy the release that should run (the deploy action pins it by digest).${moduleHint(stack, 'floating')}`,
      )
    }
    const floating = COMPONENTS.filter(component => floats(imageOf(stack, component)))
    if (floating.length > 0) {
      const names = floating.map(
        component => `${componentName(component)} (${shortImage(imageOf(stack, component).reference)})`,
      )
      return warning(
        `${names.join(', ')} ${floating.length === 1 ? 'runs' : 'run'} a tag that names no exact release, so whatever it leads to at the next start of a task is deployed: deploy an exact release (the deploy action pins it by digest).${moduleHint(stack, 'floating')}`,
      )
    }
    const { registry } = stack.infrastructure
    const nowhere = COMPONENTS.filter(component => isUnresolved(stack, component))
    if (nowhere.length > 0) {
      const names = nowhere.map(component => shortImage(imageOf(stack, component).reference))
      return inconclusive(
        `Whether a tag has moved is not known: ${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} not in ECR.`,
      )
    }
    const pinned = COMPONENTS.every(component => parseImage(imageOf(stack, component).reference)?.digest)
    if (!registry.known && !pinned)
      return inconclusive(`Whether a tag has moved is not known: ${registry.reason}.`)
    return passed('Each image is named by its digest or by an exact tag that still leads to it.')
  },
} as const satisfies Check

function floats({ reference }: RunningImage): boolean {
  const image = parseImage(reference)
  return (
    image?.digest === undefined && exactVersion(image?.tag === undefined ? [] : [image.tag]) === undefined
  )
}

/** App Runner reports no digest, so of a web there nothing can be said. */
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
    `${componentName(component)} runs ${shortDigest(digest)}, but \`${shortImage(reference)}\` now leads to ${shortDigest(now.digest)}${version === undefined ? '' : ` (${version})`}`,
  ]
}

function isUnresolved(stack: Stack, component: ImageRepository['component']): boolean {
  const repo = repoOf(stack.infrastructure.registry, component)
  const image = parseImage(imageOf(stack, component).reference)
  if (repo === undefined || image === undefined || image.digest !== undefined) return false
  return findImage(repo, { tag: image.tag ?? 'latest' }) === undefined
}

const imageMutability = {
  id: 'image-mutability',
  title: 'Tags of the repositories cannot be moved',
  group: 'control-plane',
  needs: ['infrastructure'],
  settles: false,
  about: ['web', 'worker', 'clickhouse'],
  run: ({ stack }) =>
    onRepos(stack, repos => {
      const loose = repos.filter(({ settings }) => settings.mutability.startsWith('MUTABLE'))
      const byTag = loose.filter(
        ({ component }) => parseImage(imageOf(stack, component).reference)?.digest === undefined,
      )
      const names = (list: readonly ImageRepository[]) =>
        list.map(({ repository }) => repository.name).join(', ')
      if (byTag.length > 0) {
        return warning(
          `ECR lets the tags of ${names(byTag)} be moved, and what runs is named by a tag there: make them immutable, or deploy by digest as the deploy action does.${moduleHint(stack, 'mutable')}`,
        )
      }
      if (loose.length > 0)
        return passed(`Tags of ${names(loose)} can be moved, but what runs is pinned by digest.`)
      return passed(`No tag of ${names(repos)} can be moved.`)
    }),
} as const satisfies Check

/** A task that is moved to another host, and a rollback, pull their image again. */
const imageRetention = {
  id: 'image-retention',
  title: 'ECR keeps the images that run',
  group: 'control-plane',
  needs: ['infrastructure'],
  settles: false,
  about: ['web', 'worker', 'clickhouse'],
  run: ({ stack }) =>
    onRepos(stack, (repos, { at }) => {
      const gone = repos.filter(repo => runningOn(repo, stack) === undefined)
      if (gone.length > 0) {
        const names = gone.map(repo => `${componentName(repo.component)}'s in ${repo.repository.name}`)
        return failed(
          `The image that runs is no longer in ECR (${names.join(', ')}): the next task cannot start. Push it again under its release, then keep tagged images.${moduleHint(stack, 'retention')}`,
        )
      }
      const doomed = repos.flatMap(repo => {
        const digest = runningOn(repo, stack)?.digest
        return digest === undefined ? [] : dooms(repo, digest, at)
      })
      if (doomed.length === 0) return passed('No lifecycle policy deletes an image that runs.')
      return warning(
        `A lifecycle policy of ECR deletes the image that runs: ${doomed.join(', ')}. Then no task can start. Let the policy expire untagged images only.${moduleHint(stack, 'retention')}`,
      )
    }),
} as const satisfies Check

const rollbackImage = {
  id: 'rollback-image',
  title: 'ECR keeps the images to go back to',
  group: 'control-plane',
  needs: ['infrastructure'],
  settles: false,
  about: ['web', 'worker', 'clickhouse'],
  run: ({ stack }) =>
    onRepos(stack, (repos, { at }) => {
      const before = repos.flatMap(repo =>
        repo.previous === undefined ? [] : [{ repo, previous: repo.previous }],
      )
      if (before.length === 0) return skipped('No task definition names an image that ran before.')
      const seen = before.map(item => ({ ...item, image: findImage(item.repo, item.previous.wanted) }))
      const gone = seen.filter(({ image }) => image === undefined)
      if (gone.length > 0) {
        const names = gone.map(
          ({ repo, previous }) => `${componentName(repo.component)}'s (${previous.source})`,
        )
        return warning(
          `What ran before is no longer in ECR: ${names.join(', ')}, so a rollback cannot start it. Push it again (\`mirror-from\` copies it), then keep tagged images.${moduleHint(stack, 'retention')}`,
        )
      }
      const doomed = seen.flatMap(({ repo, image }) =>
        image === undefined ? [] : dooms(repo, image.digest, at),
      )
      if (doomed.length === 0)
        return passed(
          `What ran before is in ECR: ${before.map(({ previous }) => previous.source).join(', ')}.`,
        )
      return warning(
        `A lifecycle policy of ECR deletes the image to go back to: ${doomed.join(', ')}. Let the policy expire untagged images only.${moduleHint(stack, 'retention')}`,
      )
    }),
} as const satisfies Check

export const REGISTRY_CHECKS = [imageTags, imageMutability, imageRetention, rollbackImage] as const

function onRepos(
  stack: Stack,
  evaluate: (repos: readonly ImageRepository[], registry: Registry) => Finding,
): Finding {
  const { registry } = stack.infrastructure
  if (!registry.known)
    return registry.because === 'not-asked'
      ? skipped(`${registry.reason}.`)
      : inconclusive(`${registry.reason}.`)
  const { repos } = registry.value
  if (repos.length === 0) return skipped('No image that runs comes from ECR.')
  return evaluate(repos, registry.value)
}

function repoOf(
  registry: Stack['infrastructure']['registry'],
  component: ImageRepository['component'],
): ImageRepository | undefined {
  return registry.known ? registry.value.repos.find(repo => repo.component === component) : undefined
}

/** By its digest; where that is not known, by the tag. */
function runningOn(repo: ImageRepository, stack: Stack) {
  const { digest, reference } = imageOf(stack, repo.component)
  return findImage(repo, digest === undefined ? { tag: parseImage(reference)?.tag ?? 'latest' } : { digest })
}

/** Soon enough to act: a policy that keeps a hundred images is none of that. */
const FEW_PUSHES = 10
const FEW_DAYS = 30

function dooms(repo: ImageRepository, digest: string, at: number): readonly string[] {
  const expiry = expiryOf({ digest, images: repo.images, policy: repo.settings.lifecycle, at })
  const name = `${componentName(repo.component)}'s in ${repo.repository.name}`
  if (expiry === undefined) return []
  if (expiry.kind === 'unreadable') return [`${name} (its policy cannot be read)`]
  if (expiry.left <= 0) return [`${name} within a day`]
  if (expiry.kind === 'pushes' && expiry.left < FEW_PUSHES)
    return [`${name} after ${expiry.left} more pushes`]
  if (expiry.kind === 'days' && expiry.left < FEW_DAYS) return [`${name} in ${Math.ceil(expiry.left)} days`]
  return []
}
