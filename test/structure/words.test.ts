import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { expect, test } from '@jest/globals'

/** Words that only this project would understand; docs and code use the field's own. */
const PRIVATE = [
  /^(looks?|looked|looking)$/,
  /^(closely|surroundings?|around)$/,
  /^errands?$/,
  /^orders?$/,
  /^(stands?|standing|places?|placed)$/,
  /^(judges?|judged|judging|judgement)$/,
  /^(tells?|told|says|said)$/,
  /^(shelf|shelves|doors?)$/,
  /^(brisk|briskly|patient|patiently|patience)$/,
  /^pictures?$/,
  /^nobody$/,
]
const PRIVATE_NAMES =
  /way(Back|Out)|insideIsSlow|demandEvidence|isAtIt|go(es)?On|leads?(To|Nowhere)|askingOnce/i

/** Where such a word has its common meaning: `order` of a sort or of components, the Mermaid diagram, a report's member. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  'inputs/config.ts': ['order', 'readOrder'],
  'plan/plan-deploy.ts': ['order', 'Order', 'componentOrder'],
  'report/picture.ts': ['picture'],
  'report/publish.ts': ['closely'],
  'report/summary.ts': ['order', 'picture'],
  'schema/down-sql.ts': ['order', 'phaseOrder'],
}
const ALLOWED_FILES = ['report/picture.ts']

const FILES = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts'))

test('no identifier has a private word', () => {
  const found = FILES.flatMap(file =>
    [...namesIn(readFileSync(join('src', file), 'utf8'))]
      .filter(name => isPrivate(name) && !ALLOWED[file]?.includes(name))
      .map(name => `${file}: ${name}`),
  )
  expect(found).toEqual([])
})

test('no file name has a private word, and each is there once', () => {
  expect(FILES.filter(file => isPrivate(basename(file, '.ts')) && !ALLOWED_FILES.includes(file))).toEqual([])
  const names = FILES.map(file => basename(file))
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
})

test('what is allowed is still there', () => {
  const unused = Object.entries(ALLOWED).flatMap(([file, names]) => {
    const found = namesIn(readFileSync(join('src', file), 'utf8'))
    return names.filter(name => !found.has(name)).map(name => `${file}: ${name}`)
  })
  expect(unused).toEqual([])
})

test('names are found in code and in what templates insert, not in texts and comments', () => {
  const source = [
    "import { lookInside } from './look-up.ts' // shelfOf",
    'const text = `a told #{`b #{judgeEcs(place)} c`} door #{brisk}` /* surroundings */'.replaceAll('#', '$'),
    "const rule = /['\"`/* standing]/.test('said') && errandOf",
  ].join('\n')
  expect([...namesIn(source)].filter(isPrivate)).toEqual([
    'lookInside',
    'judgeEcs',
    'place',
    'brisk',
    'errandOf',
  ])
})

test.each([
  ['lookupHost', false],
  ['outlook', false],
  ['LOOK_MS', true],
  ['canary-look', true],
  ['goesOnWell', true],
])('%s', (name, expected) => {
  expect(isPrivate(name)).toBe(expected)
})

function isPrivate(name: string): boolean {
  const words = name.match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+/g) ?? []
  return (
    PRIVATE_NAMES.test(name) || words.some(word => PRIVATE.some(pattern => pattern.test(word.toLowerCase())))
  )
}

const TOKEN =
  /\/\/.*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|(?<=[=(,:[!&|?{};>]\s*|return )\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^\\/\n[])+\/|[A-Za-z_$][\w$]*|[`{}]/g

/** The names of a module's code. Braces are counted, so that a template goes on where what it inserts ends. */
function namesIn(source: string): ReadonlySet<string> {
  const names = new Set<string>()
  const braces: number[] = []
  const token = new RegExp(TOKEN)
  for (let match = token.exec(source); match !== null; match = token.exec(source)) {
    const [text] = match
    const open = braces.at(-1)
    if (/^[A-Za-z_$]/.test(text)) names.add(text)
    if (text === '{' && open !== undefined) braces[braces.length - 1] = open + 1
    if (text === '}' && open !== undefined) braces[braces.length - 1] = open - 1
    if (text === '`' || (text === '}' && open === 0)) {
      if (text === '}') braces.pop()
      const rest = /(?:\\[\s\S]|[^`\\$]|\$(?!\{))*(`|\$\{)/y
      rest.lastIndex = token.lastIndex
      const [, end] = rest.exec(source) ?? []
      token.lastIndex = rest.lastIndex
      if (end === '${') braces.push(0)
    }
  }
  return names
}
