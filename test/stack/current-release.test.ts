import { expect, test } from '@jest/globals'
import type { ReleaseFacts } from '../../src/release/facts.ts'
import { contradiction } from '../../src/stack/rules.ts'
import { currentRelease, known, type Stack, unknown } from '../../src/stack/stack.ts'
import { DIGEST, FACTS, stackOn2, withWeb } from '../support/stack.ts'

const [, three] = FACTS.releases
if (three === undefined) throw new Error('The facts have no second release')
/** 3.5.1 says that it is 3.5.0, as the real one does. */
const facts: ReleaseFacts = {
  ...FACTS,
  releases: [
    ...FACTS.releases,
    { ...three, version: '3.5.0', reportedVersion: '3.5.0' },
    { ...three, version: '3.5.1', reportedVersion: '3.5.0' },
    { ...three, version: '3.5.2', reportedVersion: '3.5.2' },
  ],
}

type Seen = {
  readonly reported: string | undefined
  readonly web?: string
  readonly worker?: string
  readonly tag?: string
}

function stack({ reported, web, worker, tag = 'latest' }: Seen): Stack {
  const two = stackOn2()
  const { repository } = two.web.image
  const reference = `${repository}${tag.startsWith('sha256:') ? '@' : ':'}${tag}`
  return {
    ...two,
    health:
      reported === undefined ? unknown('x', 'unreachable') : known({ status: 200, version: reported }, 'x'),
    web: { ...two.web, image: { ...two.web.image, reference, version: web } },
    worker: { ...two.worker, image: { ...two.worker.image, version: worker } },
  }
}

test.each<readonly [string, Seen, string | undefined]>([
  [
    'a floating tag that was pushed again: the web tells, as the worker does',
    { reported: '2.93.7', web: '3.0.0', worker: '2.93.7' },
    '2.93.7',
  ],
  [
    'a floating tag, and a URL that reports what no image is: the images tell',
    { reported: '3.0.0', web: '2.93.7', worker: '2.93.7' },
    '2.93.7',
  ],
  [
    'a floating tag that was pushed again, and an unreadable URL: the older image',
    { reported: undefined, web: '3.0.0', worker: '2.93.7' },
    '2.93.7',
  ],
  [
    'a digest, and a URL that reports another release: the digest tells',
    { reported: '3.0.0', web: '2.93.7', tag: DIGEST.web2 },
    '2.93.7',
  ],
  [
    'an exact tag, and a URL that reports another release: the tag tells',
    { reported: '3.0.0', web: '2.93.7', tag: '2.93.7' },
    '2.93.7',
  ],
  ['an own build of a release', { reported: '3.0.0', web: '3.0.0-acme1', tag: DIGEST.web3 }, '3.0.0'],
  ['a digest without an exact tag: the web tells', { reported: '3.0.0', tag: DIGEST.web3 }, '3.0.0'],
  ['one image, and a release that reports itself', { reported: '3.5.2', web: '3.5.1' }, '3.5.2'],
  ['3.5.1, which reports 3.5.0: the image of the web tells', { reported: '3.5.0', web: '3.5.1' }, '3.5.1'],
  ['3.5.0 itself', { reported: '3.5.0', web: '3.5.0', worker: '3.5.1' }, '3.5.0'],
  ['a web without an exact tag: the worker tells', { reported: '3.5.0', worker: '3.5.1' }, '3.5.1'],
  ['images of another release tell nothing of these two', { reported: '3.5.0', web: '3.5.2' }, '3.5.0'],
  ['no image tells', { reported: '3.5.0' }, '3.5.0'],
  ['a release that no catalog knows', { reported: '9.9.9', web: '9.9.9' }, '9.9.9'],
  ['a web that does not answer: its image', { reported: undefined, web: '3.5.1', worker: '3.5.2' }, '3.5.1'],
  ['nothing at all', { reported: undefined }, undefined],
])('%s', (_, seen, release) => {
  expect(currentRelease(stack(seen), facts)).toBe(release)
})

const IS_3 = known({ status: 200, version: '3.0.0' }, 'x')

test.each<readonly [string, Stack]>([
  ['a digest', stack({ reported: '3.0.0', web: '2.93.7', tag: DIGEST.web2 })],
  ['an exact tag', stack({ reported: '3.0.0', web: '2.93.7', tag: '2.93.7' })],
  ['a floating tag and the worker', stack({ reported: '3.0.0', web: '2.93.7', worker: '2.93.7' })],
  ['the digest of ECS tasks', onEcs(stackOn2({ health: IS_3 }))],
])('%s against the URL: a contradiction that names both and the likely cause', (_, seen) => {
  expect(contradiction(seen, FACTS)).toMatch(
    /^https:\/\/abc.* reports Langfuse 3\.0\.0, but the web's image `langfuse-.*` is 2\.93\.7 \(.*\).*points to another environment, a cache answers/,
  )
})

const moving = stackOn2({ health: IS_3 })
const operation = { id: 'op', type: 'UPDATE_SERVICE', status: 'IN_PROGRESS' }

test.each<readonly [string, Stack]>([
  ['a URL that agrees', stackOn2()],
  ['a URL that cannot be read', stack({ reported: undefined, web: '2.93.7', worker: '2.93.7' })],
  ['a release that reports its predecessor', stack({ reported: '3.5.0', web: '3.5.1', tag: '3.5.1' })],
  ['an own build', stack({ reported: '3.0.0', web: '3.0.0-acme1', tag: '3.0.0-acme1' })],
  ['a floating tag that was pushed again', stack({ reported: '2.93.7', web: '3.0.0', worker: '2.93.7' })],
  ['an image that names no release', stack({ reported: '2.93.7', worker: '3.0.0', tag: DIGEST.web3 })],
  ['a web that is being deployed', withWeb(moving, { operation })],
])('%s is no contradiction', (_, seen) => {
  expect(contradiction(seen, facts)).toBeUndefined()
})

/** The web as an ECS service like the worker's. */
function onEcs(two: Stack): Stack {
  const { environment, secrets } = two.web
  const web = {
    ...two.worker,
    component: 'web',
    platform: 'ecs',
    express: undefined,
    environment,
    secrets,
  } as const
  return { ...two, web }
}
