import { registerHooks } from 'node:module'

/** Lets packages import JSON without `with { type: 'json' }`, as they could in bundlers. */
registerHooks({
  load: (url, context, next) =>
    url.endsWith('.json')
      ? next(url, { ...context, importAttributes: { ...context.importAttributes, type: 'json' } })
      : next(url, context),
})
