import { readFileSync } from 'node:fs'
import type { Threat } from '../threat.ts'

/** SQL by migration, from files whose parts begin with `-- right after: <migration>`; `start` is for the beginning. */
function read(file: string): readonly { readonly undoing: string; readonly sql: string }[] {
  const text = readFileSync(new URL(file, import.meta.url), 'utf8')
  return [...text.matchAll(/^-- right after: (.+)\n([\s\S]*?)(?=^-- right after: |(?![\s\S]))/gm)].map(
    ([, undoing = '', sql = '']) => ({ undoing, sql: sql.trim() }),
  )
}

/** What {@link Threat.failsUp} is for these. */
const failsUp: Readonly<Record<string, string>> = {}

const parts = [...read('older.sql'), ...read('newer.sql')]

/** What the rows by hand refer to. */
export const byHandStart: readonly string[] = parts
  .filter(({ undoing }) => undoing === 'start')
  .map(({ sql }) => sql)

/** Odd rows for nearly every migration, written by who wrote its down SQL. */
export const byHand: readonly Threat[] = parts
  .filter(({ undoing }) => undoing !== 'start')
  .map(({ undoing, sql }) => ({
    undoing,
    kind: 'row of whoever wrote the down SQL',
    what: `rows by hand for ${undoing}`,
    sql,
    ...(failsUp[undoing] !== undefined && { failsUp: failsUp[undoing] }),
  }))
