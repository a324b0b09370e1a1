import type { ReleaseFacts } from '../release/facts.ts'
import type { Release } from '../release/release.ts'
import { majorOf } from '../release/requirements.ts'
import type { Stack } from '../stack/stack.ts'
import { currentRelease } from '../stack/stack.ts'
import { nameFindings, nearMisses } from './env-lint-names.ts'
import { pairFindings } from './env-lint-pairs.ts'
import { v4Findings } from './env-lint-v4.ts'
import { valueFindings } from './env-lint-values.ts'
import type { LintFinding, LintSubject, Variables } from './env-lint-variables.ts'

/**
 * Looks at the environment that web and worker keep when their image changes. Sentences name variables and never
 * hold a value that could be a secret; secrets are compared by the ARN they are read from.
 */
export function lintEnvironment(subject: LintSubject): readonly LintFinding[] {
  const misses = nearMisses(subject)
  return [
    ...nameFindings(subject, misses),
    ...valueFindings(subject).filter(finding => !explained(finding, misses)),
    ...pairFindings(subject, misses),
    ...v4Findings(subject),
  ]
}

/** That the worker has no ENCRYPTION_KEY has been said where a misspelt one was found. A refusal is said anyway. */
export function explained({ kind, sentence }: LintFinding, misses: ReturnType<typeof nearMisses>): boolean {
  return (
    kind === 'warning' &&
    misses.some(({ side, meant }) => sentence.startsWith(`The ${side} has no \`${meant}\``))
  )
}

/**
 * The findings for a deploy. Where the target runs already nothing is started, so what would break a start is a
 * warning there.
 */
export function environmentFindings(question: {
  readonly config: { readonly version: Release }
  readonly stack: Stack
  readonly facts: ReleaseFacts
}): { readonly refusals: readonly string[]; readonly warnings: readonly string[] } {
  const { config, stack, facts } = question
  const subject = subjectOf(stack, config.version, facts)
  if (subject === undefined) return { refusals: [], warnings: [] }
  const findings = lintEnvironment(subject)
  const refuses = subject.from !== subject.to
  const isRefusal = ({ kind }: LintFinding) => refuses && kind === 'refusal'
  return {
    refusals: findings.filter(isRefusal).map(({ sentence }) => sentence),
    warnings: findings.filter(finding => !isRefusal(finding)).map(({ sentence }) => sentence),
  }
}

/** What a deploy of `to` would find; undefined for a release of which nothing is known. */
export function subjectOf(stack: Stack, to: Release, facts: ReleaseFacts): LintSubject | undefined {
  const names = facts.environmentNames(majorOf(to))
  if (names.size === 0) return undefined
  const from = currentRelease(stack, facts)
  const { container } = stack.worker
  return {
    web: webVariables(stack),
    worker: {
      environment: container.environment,
      secrets: container.secrets,
      files: container.environmentFiles ?? 0,
      memory: container.memory,
    },
    from,
    to,
    names,
    obsolete: from === undefined ? new Set() : facts.environmentNames(majorOf(from)),
  }
}

function webVariables({ web }: Stack): Variables {
  const { environment, secrets } = web
  return web.platform === 'app-runner'
    ? { environment, secrets, files: 0, memory: web.service.memory }
    : { environment, secrets, files: web.container.environmentFiles ?? 0, memory: web.container.memory }
}
