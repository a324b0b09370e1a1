import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

/** The Mermaid blocks of a summary. */
export function diagramsIn(summary: string): readonly string[] {
  return [...summary.matchAll(/^```mermaid\n(.*?)\n```$/gms)].map(([, diagram]) => diagram ?? '')
}

/** What Mermaid's own parser has against them; none: it takes them all. */
export async function problemsOfDiagrams(diagrams: readonly string[]): Promise<readonly string[]> {
  const program = fileURLToPath(new URL('mermaid-program.mjs', import.meta.url))
  const child = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(JSON.stringify(diagrams))
  const problems = JSON.parse(await text(child.stdout)) as readonly (string | null)[]
  if (problems.length !== diagrams.length) throw new Error('Mermaid did not look at every diagram')
  return problems.flatMap((problem, index) => (problem === null ? [] : [`${problem}\n${diagrams[index]}`]))
}
