import type { Catalog } from '../../src/schema/catalog.ts'
import { parseKey } from '../../src/schema/snapshot.ts'
import { generatedOf } from './generate-down.ts'

/** How each reviewed file differs from the generated one in the objects it touches, a line a file. */
export function checkDownSql(catalog: Catalog): {
  readonly lines: readonly string[]
  readonly missing: number
} {
  const results = catalog
    .laterPostgresMigrations()
    .map(({ name }) => ({ name, difference: differenceOf(catalog, name) }))
  const missing = results.filter(({ difference }) => difference === undefined)
  return {
    lines: [
      ...results.map(({ name, difference }) => `${name}: ${difference ?? 'no file'}`),
      `${results.length - missing.length} of ${results.length} migrations have a reviewed file`,
    ],
    missing: missing.length,
  }
}

function differenceOf(catalog: Catalog, name: string): string | undefined {
  const reviewed = catalog.downSql('postgres', name)
  if (reviewed === undefined) return undefined
  const generated = generatedOf(name, catalog)
  const text = Object.values(reviewed.sections).join('\n')
  const objects = new Set(generated.statements.map(({ object }) => object))
  const mine = callsIn(generated.statements.map(({ sql }) => sql).join('\n'))
  const parts = [
    ...[...objects].filter(key => !mentions(text, key)).map(key => `- ${key}`),
    ...[...callsIn(text)].filter(call => !mine.has(call)).map(call => `+ ${call}`),
    ...(generated.class === reviewed.class ? [] : [`class ${reviewed.class} instead of ${generated.class}`]),
  ]
  return parts.length === 0 ? 'touches the same objects' : parts.join(', ')
}

/** Calls of the toolbox by the relation or type they work on: `rewrite_rows llm_api_keys`. */
function callsIn(text: string): ReadonlySet<string> {
  const calls = text.matchAll(/langfuse_rollout\.([a-z_]+)\(\s*'((?:[^']|'')*)'/g)
  return new Set([...calls].map(([, name = '', object = '']) => `${name} ${object}`))
}

function mentions(text: string, key: string): boolean {
  const name = parseKey(key).names.at(-1) ?? ''
  return new RegExp(`(?<!\\w)${name.replaceAll(/\W/g, '\\$&')}(?!\\w)`).test(text)
}
