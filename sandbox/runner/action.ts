import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parse } from 'yaml'

export type Action = {
  readonly inputs: Readonly<Record<string, { readonly default?: string }>>
  readonly main: string
  readonly pre?: string
  readonly post?: string
  readonly postIf: string
}

/** Reads `<folder>/action.yml` of a JavaScript action; scripts come back as absolute paths. */
export async function readAction(folder: string): Promise<Action> {
  const file = join(folder, 'action.yml')
  const document = record(parse(await readFile(file, 'utf8')))
  const runs = record(document.runs)
  if (runs.using !== 'node24') {
    throw new Error(`${file} says \`using: ${String(runs.using)}\`; the sandbox's runner runs node24 only.`)
  }
  if (typeof runs.main !== 'string') throw new Error(`${file} has no \`runs.main\`.`)
  return {
    inputs: Object.fromEntries(
      Object.entries(record(document.inputs)).map(([name, it]) => [name, input(it)]),
    ),
    main: resolve(folder, runs.main),
    ...(typeof runs.pre === 'string' ? { pre: resolve(folder, runs.pre) } : {}),
    ...(typeof runs.post === 'string' ? { post: resolve(folder, runs.post) } : {}),
    postIf: typeof runs['post-if'] === 'string' ? runs['post-if'] : 'always()',
  }
}

/** Defaults of all declared inputs; one without a default is the empty string, as on GitHub. */
export function defaultInputs(action: Action, github: { readonly token: string }): Record<string, string> {
  return Object.fromEntries(
    Object.entries(action.inputs).map(([name, it]) => [name, evaluate(it.default ?? '', github)]),
  )
}

/** The runner's own sentence about inputs that action.yml does not declare (actions/runner, ActionRunner.cs). */
export function unexpectedInputs(
  action: Action,
  given: Readonly<Record<string, string>>,
): string | undefined {
  const declared = Object.keys(action.inputs)
  const known = new Set(declared.map(name => name.toLowerCase()))
  const unexpected = Object.keys(given).filter(name => !known.has(name.toLowerCase()))
  if (unexpected.length === 0) return undefined
  return `Unexpected input(s) ${quoted(unexpected)}, valid inputs are [${quoted(declared)}]`
}

function quoted(names: readonly string[]): string {
  return names.map(name => `'${name}'`).join(', ')
}

function evaluate(text: string, github: { readonly token: string }): string {
  return text.replace(/\$\{\{(.*?)\}\}/g, (_, expression: string) => {
    if (expression.trim() === 'github.token') return github.token
    throw new Error(
      `The sandbox's runner cannot evaluate \`${expression.trim()}\` in the default of an input.`,
    )
  })
}

function input(it: unknown): { readonly default?: string } {
  const value = record(it).default
  return value === undefined || value === null ? {} : { default: String(value) }
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {}
}
