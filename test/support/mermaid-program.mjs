// Reads diagrams as a JSON list from standard input and prints what Mermaid's own parser says of each: null or why not.
// A program of its own: Mermaid wants a browser's globals, which tests do not.
import { text } from 'node:stream/consumers'
import { JSDOM } from 'jsdom'

const { window } = new JSDOM('')
for (const name of [
  'window',
  'document',
  'Element',
  'Node',
  'DocumentFragment',
  'HTMLElement',
  'SVGElement',
  'NodeFilter',
])
  Object.defineProperty(globalThis, name, {
    value: name === 'window' ? window : window[name],
    configurable: true,
  })

const { default: mermaid } = await import('mermaid')
mermaid.initialize({ startOnLoad: false, securityLevel: 'strict', suppressErrorRendering: true })

const problems = []
for (const diagram of JSON.parse(await text(process.stdin))) {
  problems.push(
    await mermaid.parse(diagram).then(
      () => null,
      error => String(error?.message ?? error),
    ),
  )
}
process.stdout.write(JSON.stringify(problems), () => process.exit(0))
