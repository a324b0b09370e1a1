import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, test } from '@jest/globals'

const SRC = resolve('src')
const PURE = [
  'plan',
  'release',
  'report',
  'errors',
  'ports',
  'inputs',
  'stack',
  'execute',
  'checks',
  'schema',
  'agent',
]
/** Left to right: a module may import itself and what stands left of it. */
const FLOW = [
  'errors',
  'ports',
  'schema',
  'release',
  'inputs',
  'stack',
  'plan',
  'execute',
  'checks',
  'report',
  'agent',
  'entries',
]

type Import = { readonly file: string; readonly folder: string; readonly target: string }

/** Every import of `src`, static and dynamic, type-only ones too. */
function importsOfSource(): readonly Import[] {
  const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts'))
  return files.flatMap(file => {
    const text = readFileSync(join(SRC, file), 'utf8')
    const matches = text.matchAll(/(?:\bfrom\s+|\bimport\s*\(\s*|^import\s+)'([^']+)'/gm)
    return [...matches].map(match => ({ file, folder: file.split('/')[0] ?? '', target: match[1] ?? '' }))
  })
}

function folderOf({ file, target }: Import): string {
  return relative(SRC, resolve(SRC, dirname(file), target)).split('/')[0] ?? ''
}

test('there are imports to look at', () => {
  expect(importsOfSource().length).toBeGreaterThan(100)
})

test('only the adapters (and the wiring) import packages', () => {
  const packages = importsOfSource().filter(
    ({ target }) => !target.startsWith('.') && !target.startsWith('node:'),
  )
  expect(packages.filter(({ folder }) => folder !== 'adapters')).toEqual([])
})

test('what decides does not touch the machine', () => {
  const machine = importsOfSource().filter(({ target }) =>
    /^node:(fs|child_process|net|http|https|process|os)/.test(target),
  )
  expect(machine.filter(({ folder, file }) => PURE.includes(folder) && file !== 'schema/catalog.ts')).toEqual(
    [],
  )
})

test('from outside, src imports data and no code', () => {
  const outside = importsOfSource().filter(item => item.target.startsWith('.') && folderOf(item) === '..')
  expect(outside.filter(({ target }) => !target.endsWith('.json'))).toEqual([])
})

test('imports follow the flow: nothing reaches to its right', () => {
  const backwards = importsOfSource().filter(item => {
    if (!item.target.startsWith('.') || !FLOW.includes(item.folder)) return false
    const target = folderOf(item)
    return FLOW.includes(target) && FLOW.indexOf(target) > FLOW.indexOf(item.folder)
  })
  expect(backwards.map(({ file, target }) => `${file} → ${target}`)).toEqual([])
})

test("only the entry and the agent's program wire adapters", () => {
  const users = importsOfSource().filter(item => item.target.startsWith('.') && folderOf(item) === 'adapters')
  expect(
    [...new Set(users.filter(({ folder }) => folder !== 'adapters').map(({ file }) => file))].sort(),
  ).toEqual(['agent/observe-program.ts', 'agent/program.ts', 'entries/main.ts'])
})

test("the agent's program is no part of the actions, and only what starts it is", () => {
  const programs = ['program.ts', 'observe-program.ts', 'undo-program.ts', 'stores.ts']
  const users = importsOfSource().filter(
    item =>
      item.folder !== 'agent' &&
      folderOf(item) === 'agent' &&
      programs.some(name => item.target.endsWith(`/${name}`)),
  )
  expect(users).toEqual([])
})

test('process.env is only read by the runner adapter, and by the agent for its own container', () => {
  const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts'))
  const readers = files.filter(file =>
    /process\s*\.\s*env/.test(readFileSync(join(SRC, file), 'utf8').replaceAll(/\/\*[\s\S]*?\*\//g, '')),
  )
  expect(readers.sort()).toEqual(['adapters/github-runner.ts', 'agent/program.ts'])
})
