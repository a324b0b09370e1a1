import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { parse } from 'yaml'

/**
 * The scripts of the workflows, run as the runner runs them (`bash -e`), in a real clone of a real remote; only `gh` is
 * a stand-in, which writes down what it is asked for and answers what a test has laid out.
 */
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'workflow-scripts-'))
  mkdirSync(join(folder, 'bin'))
  writeFileSync(join(folder, 'bin', 'gh'), GH)
  chmodSync(join(folder, 'bin', 'gh'), 0o755)
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** Its answers stand in `gh-answers`, one `words of the command<TAB>exit status<TAB>answer` a line. */
const GH = `#!/usr/bin/env bash
echo "gh $*" >> "$GH_FOLDER/gh-calls"
while IFS=$'\\t' read -r words status answer; do
  case "$*" in "$words"*)
    if [ -f "$answer" ]; then
      jq=''; for argument in "$@"; do [ "$previous" = --jq ] && jq=$argument; previous=$argument; done
      jq -r "$jq" "$answer"
    else [ -n "$answer" ] && echo "$answer"; fi
    exit "$status";;
  esac
done < "$GH_FOLDER/gh-answers"
exit 0
`

type Script = { readonly workflow: string; readonly job: string; readonly step: string }

function run({ workflow, job, step }: Script, env: Readonly<Record<string, string>>, cwd = folder) {
  const text = scriptOf({ workflow, job, step })
  writeFileSync(join(folder, 'script.sh'), text)
  const result = spawnSync('bash', ['-e', join(folder, 'script.sh')], {
    cwd,
    encoding: 'utf8',
    env: {
      HOME: folder,
      PATH: `${join(folder, 'bin')}:${process.env['PATH']}`,
      RUNNER_TEMP: folder,
      GH_FOLDER: folder,
      GITHUB_REPOSITORY: 'team/stack',
      GITHUB_RUN_ID: '77',
      GITHUB_OUTPUT: join(folder, 'output'),
      ...env,
    },
  })
  const calls = existsSync(join(folder, 'gh-calls')) ? readFileSync(join(folder, 'gh-calls'), 'utf8') : ''
  return { status: result.status, said: result.stdout + result.stderr, calls: calls.trim().split('\n') }
}

function scriptOf(script: Script): string {
  const found = stepOf(script).run
  if (found === undefined) throw new Error(`Step \`${script.step}\` runs no script.`)
  return found
}

type Step = { readonly name?: string; readonly run?: string; readonly env?: Readonly<Record<string, string>> }

function stepOf({ workflow, job, step }: Script): Step {
  const { jobs } = parse(readFileSync(resolve('.github/workflows', workflow), 'utf8')) as {
    jobs: Record<string, { steps: readonly Step[] }>
  }
  const found = jobs[job]?.steps.find(({ name }) => name === step)
  if (found === undefined) throw new Error(`${workflow} has no step \`${step}\` in its job ${job}.`)
  return found
}

const answers = (...lines: readonly (readonly [words: string, status: number, answer: string])[]) =>
  writeFileSync(join(folder, 'gh-answers'), lines.map(line => `${line.join('\t')}\n`).join(''))

const git = (cwd: string, ...given: readonly string[]) => {
  const who = ['-c', 'user.name=A', '-c', 'user.email=a@example.com']
  const result = spawnSync('git', [...who, ...given], { cwd, encoding: 'utf8' })
  if (result.status !== 0) throw new Error(`git ${given.join(' ')}: ${result.stderr}`)
  return result.stdout.trim()
}

/** A remote with one commit, and a clone of it. */
function clone(): { readonly remote: string; readonly work: string } {
  const remote = join(folder, 'remote.git')
  const work = join(folder, 'work')
  git(folder, 'init', '--quiet', '--bare', remote)
  git(folder, 'clone', '--quiet', remote, work)
  mkdirSync(join(work, 'catalog'))
  writeFileSync(join(work, 'catalog', 'releases.json'), '[]\n')
  writeFileSync(join(work, 'package.json'), '{}\n')
  git(work, 'add', '--all')
  git(work, 'commit', '--quiet', '--message', 'A')
  git(work, 'push', '--quiet', 'origin', 'HEAD')
  return { remote, work }
}

describe('a fleet stops at the first failure', () => {
  const stop = { workflow: 'upgrade-stack.yml', step: 'Stop when another stack of this run has failed' }
  const jobs = (...conclusions: readonly (string | null)[]) => {
    const path = join(folder, 'jobs.json')
    const list = conclusions.map((conclusion, index) => ({ name: `stack ${index}`, conclusion }))
    writeFileSync(path, JSON.stringify({ jobs: list }))
    return path
  }
  const withJq = spawnSync('jq', ['--version']).status === 0 ? test : test.skip

  withJq.each(['plan', 'deploy'])('%s: after a failed stack nothing is changed, and it is said', job => {
    answers(['api', 0, jobs('success', 'failure', null)])
    const { status, said, calls } = run({ ...stop, job }, {})
    expect([status, said.trim()]).toEqual([
      1,
      '::error::This stack was not changed, because these jobs of the run failed: stack 1',
    ])
    expect(calls[0]).toContain('repos/team/stack/actions/runs/77/jobs?filter=latest&per_page=100')
  })

  withJq('with none that failed it goes on, and a GitHub that does not answer stops it', () => {
    answers(['api', 0, jobs('success', 'skipped', 'cancelled', null)])
    expect(run({ ...stop, job: 'deploy' }, {}).status).toBe(0)
    answers(['api', 1, ''])
    expect(run({ ...stop, job: 'deploy' }, {}).status).toBe(1)
  })
})

describe('new releases of Langfuse', () => {
  const propose = {
    workflow: 'langfuse-releases.yml',
    job: 'propose',
    step: 'Open or update the pull request',
  }
  const NEWEST = { NEWEST: '4.17.0', GH_TOKEN: 'x' }

  /** The patch of an earlier job. */
  function patch(work: string, changes: Readonly<Record<string, string>>): void {
    for (const [path, text] of Object.entries(changes)) writeFileSync(join(work, path), text)
    git(work, 'add', '--all')
    mkdirSync(join(folder, 'releases'))
    writeFileSync(
      join(folder, 'releases', 'releases.patch'),
      `${git(work, 'diff', '--cached', '--binary')}\n`,
    )
    git(work, 'reset', '--quiet', '--hard')
  }

  test('are proposed as a pull request of facts and SQL, or the one that is open follows', () => {
    const { remote, work } = clone()
    patch(work, { 'catalog/releases.json': '[{"version":"4.17.0"}]\n' })
    answers(['pr list', 0, '0'])
    const { status, calls } = run(propose, NEWEST, work)
    expect(status).toBe(0)
    expect(calls.at(-1)).toMatch(/^gh pr create --head langfuse-releases --title Langfuse up to 4\.17\.0 /)
    expect(git(remote, 'show', 'langfuse-releases:catalog/releases.json')).toBe('[{"version":"4.17.0"}]')
    git(work, 'switch', '--quiet', '--detach', 'HEAD~1')
    git(work, 'branch', '--quiet', '-D', 'langfuse-releases')
    answers(['pr list', 0, '1'])
    expect(run(propose, NEWEST, work).calls.at(-1)).toMatch(/^gh pr edit langfuse-releases /)
  })

  test('what changes anything else is neither pushed nor proposed', () => {
    const { remote, work } = clone()
    patch(work, { 'package.json': '{"scripts":{"preinstall":"evil"}}\n' })
    answers(['pr list', 0, '0'])
    const { status, said, calls } = run(propose, NEWEST, work)
    expect(status).toBe(1)
    expect(said).toContain('::error::The patch changes more than catalog/ and down-sql/.')
    expect(calls.join()).not.toContain('pr create')
    expect(git(remote, 'branch', '--list', 'langfuse-releases')).toBe('')
  })
})

describe('a release', () => {
  const job = 'publish'
  const env = { VERSION: '1.2.3', GH_TOKEN: 'x', GITHUB_SHA: 'c'.repeat(40) }

  test('holds what an action is checked out as', () => {
    const { work } = clone()
    const step = 'Pack the repository as an action user gets it'
    expect(run({ workflow: 'release.yml', job, step }, env, work).status).toBe(0)
    const packed = spawnSync('tar', ['-tzf', join(folder, 'assets', 'langfuse-rollout-1.2.3.tar.gz')], {
      encoding: 'utf8',
    })
    expect(packed.stdout.trim().split('\n').sort()).toEqual([
      'langfuse-rollout-1.2.3/',
      'langfuse-rollout-1.2.3/catalog/',
      'langfuse-rollout-1.2.3/catalog/releases.json',
      'langfuse-rollout-1.2.3/package.json',
    ])
  })

  const publish = { workflow: 'release.yml', job, step: 'Publish and move the tag of the major version' }
  const verbs = (calls: readonly string[]) => calls.map(call => call.split(' ').slice(1, 3).join(' '))

  test('has its assets before it is published and becomes immutable; then the plain tag moves', () => {
    mkdirSync(join(folder, 'assets'))
    writeFileSync(join(folder, 'assets', 'a.tar.gz'), '')
    answers()
    const { status, calls } = run(publish, env)
    expect(status).toBe(0)
    expect(verbs(calls)).toEqual(['release create', 'release upload', 'release edit', 'api --method'])
    expect(calls[0]).toContain(`v1.2.3 --draft --target ${env.GITHUB_SHA}`)
    expect(calls[1]).toContain('a.tar.gz')
    expect(calls[3]).toBe(
      `gh api --method PATCH repos/team/stack/git/refs/tags/v1 -f sha=${env.GITHUB_SHA} -F force=true`,
    )
  })

  test('of a new major version makes its tag', () => {
    answers(['api --method PATCH', 1, ''])
    const { status, calls } = run(publish, { ...env, VERSION: '2.0.0' })
    expect(status).toBe(0)
    expect(calls.at(-1)).toBe(
      `gh api --method POST repos/team/stack/git/refs -f ref=refs/tags/v2 -f sha=${env.GITHUB_SHA}`,
    )
  })

  test('that cannot be made moves no tag', () => {
    answers(['release upload', 1, ''])
    const { status, calls } = run(publish, env)
    expect(status).toBe(1)
    expect(verbs(calls)).toEqual(['release create', 'release upload'])
  })
})

test.each([
  ['deploy', 'upgrade-stack.yml', '45m', '4500'],
  ['deploy', 'upgrade-stack.yml', '08m', '3600'],
  ['deploy', 'upgrade-stack.yml', '5h', '19800'],
  ['deploy', 'upgrade-stack.yml', '24h', '43200'],
  ['deploy', 'upgrade-stack.yml', 'soon; rm -rf x', '3600'],
  ['rollback', 'rollback.yml', '45m', '3600'],
  ['rollback', 'rollback.yml', '2h', '7800'],
])("the role's session outlasts the timeout: %s of %s, %s", (job, workflow, timeout, seconds) => {
  const step = 'Let the session of the role outlast the timeout'
  const more = stepOf({ workflow, job, step }).env?.['MORE'] ?? ''
  expect(run({ workflow, job, step }, { timeout, MORE: more }).status).toBe(0)
  expect(readFileSync(join(folder, 'output'), 'utf8')).toBe(`seconds=${seconds}\n`)
})
