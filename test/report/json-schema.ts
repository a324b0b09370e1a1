/**
 * What a value violates of a JSON Schema, by path; empty: nothing. Knows the words that docs/report.schema.json uses and
 * refuses every other, so that nothing in it goes unchecked.
 */
export function violations(value: unknown, schema: Schema, root: Schema = schema, path = '$'): string[] {
  const unknown = Object.keys(schema).filter(word => !(word in WORDS) && !IGNORED.includes(word))
  if (unknown.length > 0) throw new Error(`The schema at ${path} says ${unknown.join(', ')}`)
  return Object.entries(schema).flatMap(([word, rule]) =>
    (WORDS[word] ?? none)(value, rule, { schema, root, path }),
  )
}

export type Schema = { readonly [word: string]: unknown }

type Place = { readonly schema: Schema; readonly root: Schema; readonly path: string }
type Word = (value: unknown, rule: unknown, place: Place) => string[]

const IGNORED = ['$schema', '$defs', 'title', 'description']
const none: Word = () => []
const say = (good: boolean, { path }: Place, problem: string) => (good ? [] : [`${path}: ${problem}`])

const WORDS: Readonly<Record<string, Word>> = {
  type: (value, rule, place) => say(typeOf(value, rule), place, `is no ${String(rule)}`),
  const: (value, rule, place) => say(value === rule, place, `is not ${String(rule)}`),
  enum: (value, rule, place) => say((rule as unknown[]).includes(value), place, `is none of ${String(rule)}`),
  pattern: (value, rule, place) =>
    say(new RegExp(String(rule)).test(String(value)), place, `is not ${String(rule)}`),
  minimum: (value, rule, place) => say(Number(value) >= Number(rule), place, `is less than ${String(rule)}`),
  required: (value, rule, place) =>
    (rule as string[]).flatMap(name => say(isObject(value) && name in value, place, `has no ${name}`)),
  properties: (value, rule, { root, path }) =>
    Object.entries(rule as Record<string, Schema>).flatMap(([name, schema]) =>
      isObject(value) && name in value ? violations(value[name], schema, root, `${path}.${name}`) : [],
    ),
  additionalProperties: (value, rule, place) => {
    const named = Object.keys((place.schema['properties'] ?? {}) as object)
    const others = isObject(value) ? Object.entries(value).filter(([name]) => !named.includes(name)) : []
    return rule === false
      ? others.flatMap(([name]) => say(false, place, `has ${name}`))
      : others.flatMap(([name, item]) =>
          violations(item, rule as Schema, place.root, `${place.path}.${name}`),
        )
  },
  items: (value, rule, { root, path }) =>
    (Array.isArray(value) ? value : []).flatMap((item, index) =>
      violations(item, rule as Schema, root, `${path}[${index}]`),
    ),
  oneOf: (value, rule, place) => {
    const tried = (rule as Schema[]).map(schema => violations(value, schema, place.root, place.path))
    const fitting = tried.filter(found => found.length === 0).length
    return say(fitting === 1, place, `fits ${fitting} of ${tried.length}: ${tried.flat().join('; ')}`)
  },
  $ref: (value, rule, { root, path }) => {
    const name = /^#\/\$defs\/(\w+)$/.exec(String(rule))?.[1] ?? ''
    const schema = (root['$defs'] as Record<string, Schema> | undefined)?.[name]
    if (schema === undefined) throw new Error(`The schema has no ${String(rule)}`)
    return violations(value, schema, root, path)
  },
}

function typeOf(value: unknown, type: unknown): boolean {
  if (type === 'object') return isObject(value)
  if (type === 'array') return Array.isArray(value)
  return type === 'integer' ? Number.isInteger(value) : typeof value === type
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
