import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type RunOptions, runAction } from '../../sandbox/runner.ts'

let folder = ''

const actionYml = `
name: greet
inputs:
  who-is it:
    description: Whom to greet
    default: world
  github-token:
    default: \${{ github.token }}
  empty:
    description: Nothing
runs:
  using: node24
  main: ./main.js
  post: ./post.js
`

const mainJs = `
import { appendFileSync, writeFileSync } from 'node:fs'
const { env } = process
const say = text => process.stdout.write(text + '\\n')
if (env.WAIT === 'yes') {
  process.on('SIGINT', () => { say('interrupted'); process.exit(3) })
  say('waiting')
  setInterval(() => {}, 1000)
} else {
  say('hello ' + env['INPUT_WHO-IS_IT'] + ', token ' + env['INPUT_GITHUB-TOKEN'] + ', empty ' + JSON.stringify(env.INPUT_EMPTY))
  say('::add-mask::hunter2')
  say('the password is hunter2 or ' + Buffer.from('hunter2').toString('base64'))
  say('::group::Step%3A 100%25')
  say('::error file=a.ts,line=3,title=Oh%2C no::It broke%0Aand hunter2 knows')
  say('::endgroup::')
  process.stderr.write('on stderr\\n')
  const report = env.RUNNER_TEMP + '/report.json'
  writeFileSync(report, '{"outcome":"greeted"}')
  appendFileSync(env.GITHUB_OUTPUT, 'report=' + report + '\\nlong<<EOT\\nfirst=1\\n\\nlast\\nEOT\\nurl=a=b\\n')
  appendFileSync(env.GITHUB_STATE, 'kept<<_\\nfor post\\n_\\n')
  appendFileSync(env.GITHUB_ENV, 'LATER=1\\n')
  appendFileSync(env.GITHUB_PATH, '/opt/tool\\n')
  appendFileSync(env.GITHUB_STEP_SUMMARY, '# hunter2 was here\\n')
  if (env.BREAK === 'yes') appendFileSync(env.GITHUB_OUTPUT, 'nonsense\\n')
  say('version ' + process.version.split('.')[0] + ' ' + env.SECRET_OF_THE_CALLER + ' ' + process.cwd().endsWith('/workspace'))
  process.exitCode = Number(env.EXIT ?? '0')
}
`

const postJs = `
console.log('post sees ' + process.env.STATE_kept)
`

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'runner-test-'))
  const greet = join(folder, 'actions', 'greet')
  await mkdir(greet, { recursive: true })
  await writeFile(join(folder, 'actions', 'package.json'), '{"type":"module"}')
  await writeFile(join(greet, 'action.yml'), actionYml)
  await writeFile(join(greet, 'main.js'), mainJs)
  await writeFile(join(greet, 'post.js'), postJs)
})

afterAll(() => rm(folder, { recursive: true, force: true }))

function greet(options: Partial<RunOptions>) {
  return runAction({
    action: 'greet',
    actions: join(folder, 'actions'),
    folder: join(folder, 'work'),
    token: 'ghs_token',
    inputs: {},
    ...options,
  })
}

test('inputs, defaults, masks, commands, files and post are what they are on GitHub', async () => {
  process.env.SECRET_OF_THE_CALLER = 'leaked'
  const lines: string[] = []
  const result = await greet({ onLine: line => lines.push(line) })
  delete process.env.SECRET_OF_THE_CALLER

  expect(lines.filter(line => line !== 'on stderr')).toEqual([
    'hello world, token ***, empty ""',
    'the password is *** or ***',
    '##[group]Step%3A 100%',
    '##[error]It broke\nand *** knows',
    '##[endgroup]',
    'version v24 undefined true',
    'post sees for post',
  ])
  expect(lines).toContain('on stderr')
  expect(result.stdout).toBe(lines.map(line => `${line}\n`).join(''))
  expect(result.rawStdout).toContain('the password is hunter2')
  expect(result.commands).toContainEqual({
    command: 'error',
    properties: { file: 'a.ts', line: '3', title: 'Oh, no' },
    message: 'It broke\nand hunter2 knows',
  })
  expect(result).toMatchObject({
    exitCode: 0,
    outputs: { long: 'first=1\n\nlast', url: 'a=b' },
    state: { kept: 'for post' },
    exported: { env: { LATER: '1' }, path: ['/opt/tool'] },
    summary: '# *** was here\n',
    rawSummary: '# hunter2 was here\n',
    report: { outcome: 'greeted' },
  })
})

test('an undeclared input causes the warning of the runner and nothing else', async () => {
  const result = await greet({ inputs: { 'who-is it': 'you', verison: '3.0.0' } })

  expect(result.stdout.split('\n').slice(0, 2)).toEqual([
    "##[warning]Unexpected input(s) 'verison', valid inputs are ['who-is it', 'github-token', 'empty']",
    'hello you, token ***, empty ""',
  ])
  expect(result.exitCode).toBe(0)
})

test('a failing main fails the step, and post runs all the same', async () => {
  const result = await greet({ env: { EXIT: '4' } })

  expect(result.exitCode).toBe(4)
  expect(result.stdout).toContain('post sees for post')
})

test('a malformed output fails the step with the words of the runner', async () => {
  const result = await greet({ env: { BREAK: 'yes' } })

  expect(result.exitCode).toBe(1)
  expect(result.stdout).toContain("##[error]Unable to process file command 'output' successfully.")
  expect(result.stdout).toContain("##[error]Invalid format 'nonsense'")
})

test('a cancelled step is interrupted first, and post runs all the same', async () => {
  const cancel = new AbortController()
  const result = await greet({
    env: { WAIT: 'yes' },
    signal: cancel.signal,
    onLine: line => line === 'waiting' && cancel.abort(),
  })

  expect(result.exitCode).toBe(3)
  expect(result.stdout).toBe('waiting\ninterrupted\npost sees undefined\n')
})
