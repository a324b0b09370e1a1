import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import DEFECTS from '../../docs/module-defects.json' with { type: 'json' }
import { CHECKS } from '../../src/checks/run.ts'

export const ACTIONS = ['deploy', 'verify', 'rollback'] as const
export type Action = (typeof ACTIONS)[number]

type Input = { readonly description: string; readonly required?: boolean; readonly default?: string }
type Metadata = {
  readonly inputs: Readonly<Record<string, Input>>
  readonly outputs: Readonly<Record<string, { readonly description: string }>>
}

export function metadataOf(action: Action): Metadata {
  return parse(
    readFileSync(new URL(`../../actions/${action}/action.yml`, import.meta.url), 'utf8'),
  ) as Metadata
}

/** Inputs that are the same in all three: the stack, and how far the caller lets them go. */
function commonInputs(): readonly string[] {
  const [first, ...others] = ACTIONS.map(action => Object.keys(metadataOf(action).inputs))
  return (first ?? []).filter(name => others.every(names => names.includes(name)))
}

export function inputTable(action: Action, which: 'own' | 'common'): string {
  const common = commonInputs()
  const inputs = Object.entries(metadataOf(action).inputs).filter(
    ([name]) => common.includes(name) === (which === 'common'),
  )
  return table(
    ['Input', 'Default', 'Meaning'],
    inputs.map(([name, input]) => [code(name), defaultOf(input), oneLine(input.description)]),
  )
}

export function outputTable(action: Action): string {
  const outputs = Object.entries(metadataOf(action).outputs)
  return table(
    ['Output', 'Meaning'],
    outputs.map(([name, output]) => [code(name), oneLine(output.description)]),
  )
}

export function checkTable(): string {
  return table(
    ['Check', 'Group', 'What it checks', 'Components'],
    CHECKS.map(({ id, group, title, about }) => [code(id), code(group), title, about.join(', ')]),
  )
}

/** What the article's module has, in the order of its files. */
export function defectTable(): string {
  return table(
    ['Where', 'Problem', 'Fix', 'Check'],
    Object.values(DEFECTS).map(({ file, resource, wrong, change, check }) => [
      `${code(file)} ${resource}`,
      wrong,
      code(change),
      code(check),
    ]),
  )
}

function defaultOf({ required, default: value = '' }: Input): string {
  if (required === true) return '**required**'
  return value === '' ? '' : code(value)
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

const code = (text: string) => `\`${text}\``
const oneLine = (text: string) => text.trim().replaceAll(/\s+/g, ' ')
