/**
 * One SQL statement of a change of schema.
 * `expand` gives something new or allows more, so the release that does not know it keeps working;
 * `contract` takes something away or allows less.
 */
export type Statement = {
  readonly sql: string
  readonly class: 'expand' | 'contract'
  /** Key of the object, as in a snapshot. */
  readonly object: string
}

export function expand(object: string, sql: string): Statement {
  return { sql, class: 'expand', object }
}

export function contract(object: string, sql: string): Statement {
  return { sql, class: 'contract', object }
}
