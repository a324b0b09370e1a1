import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import type { Runner } from '../../src/ports/runner.ts'
import type { ActionName } from '../../src/report/conclusion.ts'

/** A runner in memory that gives inputs as GitHub does: action.yml's defaults under what the caller wrote. */
export type FakeRunner = Runner & { readonly masked: string[]; readonly lines: string[] }

export function fakeRunner(
  action: ActionName,
  inputs: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string>> = { AWS_REGION: 'ap-northeast-1' },
): FakeRunner {
  const declared = declaredInputs(action)
  const masked: string[] = []
  const lines: string[] = []
  return {
    masked,
    lines,
    input: name => (inputs[name] ?? declared[name] ?? '').trim(),
    environment: name => environment[name] || undefined,
    mask: secret => masked.push(secret),
    redact: text => text,
    info: line => lines.push(line),
    group: (_title, work) => work(),
    annotate: (_level, title, sentence) => lines.push(`${title}: ${sentence}`),
    output: () => undefined,
    summary: async () => undefined,
    file: async name => `/tmp/${name}`,
  }
}

function declaredInputs(action: ActionName): Readonly<Record<string, string>> {
  const { inputs } = parse(readFileSync(`actions/${action}/action.yml`, 'utf8')) as {
    inputs: Record<string, { default?: string }>
  }
  // The runner evaluates expressions; a test has no token.
  return Object.fromEntries(
    Object.entries(inputs).map(([name, input]) => [
      name,
      String(input.default ?? '').replace(/^\$\{\{.*\}\}$/, ''),
    ]),
  )
}
