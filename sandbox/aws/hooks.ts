import type { JsonObject } from './json.ts'

/** Lets tests stand between a caller and AWS, for instance to end the caller at its n-th call. */
export function makeHooks(): Hooks {
  const watchers = new Set<RequestWatcher>()
  return {
    watch: watcher => {
      watchers.add(watcher)
      return () => void watchers.delete(watcher)
    },
    tell: async event => {
      const answers = await Promise.all([...watchers].map(watcher => watcher(event)))
      return answers.includes('drop')
    },
  }
}

/** Its promise is waited for. `drop` at `before`: the request is lost on its way; at `after`: its answer is. */
export type RequestWatcher = (event: RequestEvent) => unknown

export type RequestEvent = {
  /** before: received, not carried out; after: carried out, not answered. A call that meets a fault has no after. */
  readonly phase: 'before' | 'after'
  /** 1 for the first call that the sandbox received. */
  readonly number: number
  readonly service: string
  readonly operation: string
  readonly input: JsonObject
}

export type Hooks = {
  /** The answer ends it. */
  watch(watcher: RequestWatcher): () => void
  /** True when the call is to be dropped. */
  tell(event: RequestEvent): Promise<boolean>
}
