import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { BadInput } from '../../src/errors/errors.ts'
import { readDeployConfig, readRollbackConfig, readVerifyConfig } from '../../src/inputs/config.ts'
import type { ActionName } from '../../src/report/conclusion.ts'
import { fakeRunner } from '../support/runner.ts'

const READERS = { deploy: readDeployConfig, verify: readVerifyConfig, rollback: readRollbackConfig }

/**
 * What the actions themselves say to the values that a workflow writes for their inputs, and the types of those that it
 * writes for a workflow of ours: GitHub's language service looks at names only. Expressions have no value yet.
 */
export function valueProblems(node: unknown): readonly string[] {
  if (Array.isArray(node)) return node.flatMap(valueProblems)
  if (!isRecord(node)) return []
  const { uses, with: given } = node
  const own =
    typeof uses === 'string' ? /^(?:\$|OWNER\/langfuse-rollout)\/([^@]+)/.exec(uses)?.[1] : undefined
  const here = own !== undefined && isRecord(given) ? problemsOf(own, given) : []
  return [...here, ...Object.values(node).flatMap(valueProblems)]
}

type Values = Readonly<Record<string, unknown>>

function problemsOf(path: string, given: Values): readonly string[] {
  if (path.endsWith('.yml')) return typeProblems(path, given)
  const action = /^actions\/(deploy|verify|rollback)$/.exec(path)?.[1] as ActionName | undefined
  return action === undefined ? [] : inputProblems(action, given)
}

function inputProblems(action: ActionName, given: Values): readonly string[] {
  const literal = Object.entries(given).filter(([, value]) => !isExpression(value))
  const stands = { ...(action === 'deploy' && { version: '3.0.0' }) }
  try {
    READERS[action](
      fakeRunner(action, { ...stands, ...Object.fromEntries(literal.map(([k, v]) => [k, String(v)])) }),
    )
    return []
  } catch (error) {
    if (!(error instanceof BadInput)) throw error
    return error.problems.filter(problem => !problem.includes('network: direct'))
  }
}

function typeProblems(path: string, given: Values): readonly string[] {
  const workflow = parse(readFileSync(path, 'utf8')) as {
    readonly on: {
      readonly workflow_call: { readonly inputs: Readonly<Record<string, { readonly type: string }>> }
    }
  }
  const { inputs } = workflow.on.workflow_call
  return Object.entries(given).flatMap(([name, value]) => {
    const type = inputs[name]?.type
    const fits = type === undefined || isExpression(value) || typeof value === type
    return fits ? [] : [`Input \`${name}\` of ${path} is a ${type}, and \`${String(value)}\` is none`]
  })
}

function isExpression(value: unknown): boolean {
  return typeof value === 'string' && value.includes('${{')
}

function isRecord(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
