// Writes what is generated in the documentation: `npm run docs`. A test fails while it is not what stands there.
import { readFileSync, writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { policies } from './docs/iam.ts'
import { reportSchema } from './docs/report-schema.ts'
import { restoreExample } from './docs/restore-example.ts'
import { ACTIONS, checkTable, defectTable, inputTable, outputTable } from './docs/tables.ts'

const ROOT = new URL('../', import.meta.url)

/** Every file that has something generated in it, as it should be. */
export function generatedFiles(): ReadonlyMap<string, string> {
  const parts = generatedParts()
  const documents = [
    'README.md',
    ...ACTIONS.map(action => `actions/${action}/README.md`),
    'docs/checks.md',
    'docs/module-defects.md',
  ]
  return new Map([
    ...documents.map(path => [path, fill(read(path), parts)] as const),
    ...Object.entries(policies()).map(
      ([name, policy]) => [`docs/iam/${name}.json`, `${JSON.stringify(policy, undefined, 2)}\n`] as const,
    ),
    ['docs/restore-example.md', restoreExample()] as const,
    ['docs/report.schema.json', `${JSON.stringify(reportSchema(), undefined, 2)}\n`] as const,
  ])
}

function generatedParts(): ReadonlyMap<string, string> {
  return new Map([
    ...ACTIONS.flatMap(
      action =>
        [
          [`inputs of ${action}`, inputTable(action, 'own')],
          [`common inputs of ${action}`, inputTable(action, 'common')],
          [`outputs of ${action}`, outputTable(action)],
        ] as const,
    ),
    ['checks', checkTable()],
    ['module defects', defectTable()],
    ['picture of a summary', snapshotOf(read('docs/summary.md'))],
  ])
}

/** The stack as it is drawn in a job summary: docs/summary.md is that of a rehearsal's deploy. */
function snapshotOf(summary: string): string {
  return /^```mermaid\n[\s\S]*?^```$/m.exec(summary)?.[0] ?? ''
}

/** Puts each part between `<!-- generated: NAME -->` and the next `<!-- end -->`. */
function fill(text: string, parts: ReadonlyMap<string, string>): string {
  return text.replaceAll(/<!-- generated: (.+?) -->\n[\s\S]*?<!-- end -->/g, (_, name: string) => {
    const part = parts.get(name)
    if (part === undefined) throw new Error(`Nothing is generated as \`${name}\`.`)
    return `<!-- generated: ${name} -->\n${part}\n<!-- end -->`
  })
}

function read(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8')
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const [path, text] of generatedFiles()) writeFileSync(new URL(path, ROOT), text)
}
