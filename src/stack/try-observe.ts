import { Denied, explain } from '../errors/errors.ts'
import type { Observed } from './stack.ts'
import { known, unknown } from './stack.ts'

/** One call to AWS: its answer, or why there is none. Never throws. */
export async function tryObserve<Value>(
  what: string,
  source: string,
  call: () => Promise<Value>,
): Promise<Observed<Value>> {
  try {
    return known(await call(), source)
  } catch (error) {
    const remedy = error instanceof Denied ? `: allow ${error.permission} to this job's role` : ''
    return unknown(`${what} cannot be read, because ${explain(error)}${remedy}`, 'no-evidence')
  }
}
