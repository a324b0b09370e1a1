import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { generatedFiles } from '../../tools/docs.ts'
import { releaseNotes } from '../../tools/release-notes.ts'

const DOCUMENTS = ['.', 'actions', 'docs', 'examples'].flatMap(folder =>
  readdirSync(folder, { recursive: folder !== '.', encoding: 'utf8' })
    .filter(name => name.endsWith('.md'))
    .map(name => normalize(join(folder, name))),
)

test('tables, checks and policies are what `npm run docs` writes', () => {
  for (const [path, text] of generatedFiles()) {
    expect(`${path}\n${readFileSync(path, 'utf8')}`).toBe(`${path}\n${text}`)
  }
})

test('every link inside the documentation leads to a file, and to a heading of it', () => {
  const dead = DOCUMENTS.flatMap(document => linksOf(document).filter(link => !isAlive(document, link)))
  expect(DOCUMENTS.length).toBeGreaterThan(10)
  expect(dead).toEqual([])
})

function linksOf(document: string): readonly string[] {
  const text = readFileSync(document, 'utf8').replaceAll(/^```[\s\S]*?^```$/gm, '')
  return [...text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].map(([, link = '']) => link)
}

function isAlive(document: string, link: string): boolean {
  const [file = '', anchor] = link.split('#')
  const path = file === '' ? document : normalize(join(dirname(document), file))
  if (!existsSync(path)) return false
  return anchor === undefined || anchorsOf(path).includes(anchor)
}

/** As GitHub makes them of headings. */
function anchorsOf(path: string): readonly string[] {
  const headings = readFileSync(path, 'utf8').matchAll(/^#+ (.+)$/gm)
  return [...headings].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

const SCRIPTS = (JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> })
  .scripts

test('each command that a document names is one that there is', () => {
  for (const document of DOCUMENTS) {
    const named = [...readFileSync(document, 'utf8').matchAll(/\bnpm run (?:--silent )?([\w:-]+)/g)]
    for (const [, script = ''] of named)
      expect([document, Object.keys(SCRIPTS)]).toEqual([document, expect.arrayContaining([script])])
  }
})

test("the README's commands are what CI runs", () => {
  const ci = readFileSync('.ci/run', 'utf8').replaceAll('--silent ', '')
  const blocks = [...readFileSync('README.md', 'utf8').matchAll(/^```sh\n([\s\S]*?)^```$/gm)]
  const commands = blocks
    .flatMap(([, block = '']) => block.trim().split('\n'))
    .flatMap(line => line.replace(/\s+#.*$/, '').split(' && '))
  expect(commands.length).toBeGreaterThan(0)
  for (const command of commands) expect([command, ci.includes(command)]).toEqual([command, true])
})

test('nothing says `uses:` of an input that is not there: the one-step action has those of the three', () => {
  const read = (path: string) =>
    parse(readFileSync(path, 'utf8')) as { inputs: Record<string, { default?: string }> }
  const root = read('action.yml').inputs
  const deploy = read('actions/deploy/action.yml').inputs
  const verify = read('actions/verify/action.yml').inputs
  expect(Object.keys(root)).toEqual(expect.arrayContaining(Object.keys(deploy)))
  for (const [name, input] of Object.entries(root)) {
    const own = deploy[name] ?? verify[name]
    expect([name, input.default, own !== undefined]).toEqual([name, own?.default, true])
  }
})

test('a default that a workflow repeats is that of the actions', () => {
  const declared = new Map(
    ['deploy', 'verify', 'rollback'].flatMap(action => {
      const { inputs } = parse(readFileSync(`actions/${action}/action.yml`, 'utf8')) as {
        inputs: Record<string, { default?: string }>
      }
      return Object.entries(inputs).map(([name, input]) => [name, input.default] as const)
    }),
  )
  const repeated = readdirSync('.github/workflows').flatMap(file =>
    [
      ...readFileSync(`.github/workflows/${file}`, 'utf8').matchAll(
        /^ {10}([\w-]+): \$\{\{ .*\|\| '([^']*)' \}\}$/gm,
      ),
    ].map(([, name = '', value = '']) => ({ file, name, value })),
  )
  expect(repeated.length).toBeGreaterThan(20)
  for (const { file, name, value } of repeated) {
    expect({ file, name, value }).toEqual({ file, name, value: declared.get(name) })
  }
})

test('each action can be listed: a name, a description of at most 125 characters, an icon and a colour', () => {
  for (const path of [
    'action.yml',
    ...['deploy', 'verify', 'rollback'].map(name => `actions/${name}/action.yml`),
  ]) {
    const { name, description, branding } = parse(readFileSync(path, 'utf8')) as Record<string, unknown>
    expect([path, name, branding]).toEqual([
      path,
      expect.stringMatching(/^Langfuse Rollout/),
      { icon: expect.stringMatching(/^[a-z-]+$/), color: expect.stringMatching(/^(green|blue|orange)$/) },
    ])
    expect([path, String(description).trim().length <= 125]).toEqual([path, true])
  }
})

test('there are release notes of the version that package.json and the changelog have, and of no other', () => {
  const packageJson = '{"version":"1.2.3"}'
  const changelog = '# Changelog\n\n## 1.2.3 (2026-11-23)\n\n- It works.\n\n## 1.2.2\n\n- Older.\n'
  expect(releaseNotes('1.2.3', { changelog, packageJson })).toEqual({ notes: '- It works.' })
  expect(releaseNotes('1.2.2', { changelog, packageJson })).toHaveProperty('problem')
  expect(releaseNotes('1.2', { changelog, packageJson })).toHaveProperty('problem')
  const unreleased = `# Changelog\n\n## Unreleased\n\n- More.\n${changelog}`
  expect(releaseNotes('1.2.3', { changelog: unreleased, packageJson })).toHaveProperty('problem')
})

test('the Terraform of the roles attaches policies that there are', () => {
  const terraform = readFileSync('examples/terraform/roles/main.tf', 'utf8')
  const policies = /policies = \{([\s\S]*?)\}/.exec(terraform)?.[1] ?? ''
  const named = [...policies.matchAll(/"(\w+)"/g)].map(([, name = '']) => `docs/iam/${name}.json`)
  expect(named.length).toBeGreaterThan(2)
  expect(named.filter(path => !existsSync(path))).toEqual([])
})
