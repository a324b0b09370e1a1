import { expect, test } from '@jest/globals'
import type { ReleaseFacts } from '../../src/release/facts.ts'
import { currentRelease, known, type Stack, unknown } from '../../src/stack/stack.ts'
import { FACTS, stackOn2 } from '../support/stack.ts'

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

type Seen = { readonly reported: string | undefined; readonly web?: string; readonly worker?: string }

function stack({ reported, web, worker }: Seen): Stack {
  const two = stackOn2()
  return {
    ...two,
    health:
      reported === undefined ? unknown('x', 'unreachable') : known({ status: 200, version: reported }, 'x'),
    web: { ...two.web, image: { ...two.web.image, version: web } },
    worker: { ...two.worker, image: { ...two.worker.image, version: worker } },
  }
}

test.each<readonly [string, Seen, string | undefined]>([
  [
    'a release that reports itself, whatever the images are called',
    { reported: '3.5.2', web: '3.5.1' },
    '3.5.2',
  ],
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
