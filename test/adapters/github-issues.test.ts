import { afterAll, beforeEach, expect, test } from '@jest/globals'
import { type GitHub, startGitHub } from '../../sandbox/github.ts'
import { addIssue } from '../../sandbox/github-issues.ts'
import { gitHubIssues } from '../../src/adapters/github-issues.ts'

const MARKER = '<!-- langfuse-rollout: drift of 0123456789abcdef -->'
const started: GitHub[] = []
let github: GitHub

beforeEach(async () => {
  github = await startGitHub()
  started.push(github)
})
afterAll(async () => {
  await Promise.all(started.map(each => each.stop()))
})

const issues = () => gitHubIssues({ token: 't', repository: 'acme/infra', apiUrl: github.url })
const TEXT = { title: 'It drifts', body: `${MARKER}\nwhat differs` }

test('an issue is opened, found by its marker, edited, and closed with a comment', async () => {
  const number = await issues().create(TEXT)
  expect(await issues().find(MARKER)).toEqual([{ number, open: true, body: TEXT.body }])
  await issues().edit(number, { body: `${MARKER}\nmore` })
  expect(github.issues[0]).toMatchObject({ title: 'It drifts', body: `${MARKER}\nmore` })
  await issues().close(number, 'All is well', 'completed')
  expect(github.issues[0]).toMatchObject({
    state: 'closed',
    state_reason: 'completed',
    comments: ['All is well'],
  })
  expect(await issues().find(MARKER)).toMatchObject([{ number, open: false }])
})

test('it is found on the last of many pages', async () => {
  const oldest = addIssue(github.issues, TEXT)
  for (let index = 0; index < 350; index += 1) addIssue(github.issues, { title: `other ${index}` })
  expect(await issues().find(MARKER)).toMatchObject([{ number: oldest.number }])
})

test('the oldest comes first', async () => {
  for (let index = 0; index < 3; index += 1) addIssue(github.issues, TEXT)
  expect((await issues().find(MARKER)).map(issue => issue.number)).toEqual([1, 2, 3])
})

test("strangers' issues and pull requests are not ours, whatever is in them", async () => {
  const person = { login: 'eve', type: 'User' as const }
  addIssue(github.issues, { ...TEXT, user: person, author_association: 'NONE' })
  addIssue(github.issues, { ...TEXT, user: person, author_association: 'CONTRIBUTOR' })
  addIssue(github.issues, { ...TEXT, pull_request: { url: 'x' } })
  const ours = addIssue(github.issues, { ...TEXT, user: person, author_association: 'MEMBER' })
  expect((await issues().find(MARKER)).map(issue => issue.number)).toEqual([ours.number])
})

test.each([
  ['denied', /give the job `permissions: issues: write`/],
  ['disabled', /issues are disabled in acme\/infra: enable them, or set `drift-issue: false`/],
] as const)('%s: the reason and what to do', async (refusal, sentence) => {
  github.refuses.issues = refusal
  await expect(issues().find(MARKER)).rejects.toThrow(sentence)
  await expect(issues().create(TEXT)).rejects.toThrow(sentence)
})
