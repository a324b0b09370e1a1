import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

export type Source = {
  /** Where it would be in a repository: GitHub tells workflows from actions by it. */
  readonly path: string
  readonly text: string
}

export type Finding = {
  /** What GitHub's own language service says, each as `line: message`. */
  readonly problems: readonly string[]
  /** Scripts that are made of what others may write, as actionlint finds them. */
  readonly injections: readonly string[]
}

/**
 * Judges workflows and action.yml files in a process of its own: the language service imports JSON in a way that Node
 * only takes with a hook.
 */
export async function evaluate(sources: readonly Source[]): Promise<readonly Finding[]> {
  const here = (file: string) => fileURLToPath(new URL(file, import.meta.url))
  const child = spawn(process.execPath, ['--import', here('json-hook.mjs'), here('evaluate.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  child.stdin.end(JSON.stringify(sources))
  return JSON.parse(await text(child.stdout)) as readonly Finding[]
}
