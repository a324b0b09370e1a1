import { crosses } from '../release/requirements.ts'
import type { V4Flag } from '../release/v4-flags.ts'
import {
  BACKFILL,
  crashes,
  flagDefault,
  NATIVE_OTEL,
  PREVIEW,
  readsV4Flags,
  V4_FLAGS,
  WRITE_MODE,
} from '../release/v4-flags.ts'
import type { LintFinding, LintSubject, Side } from './env-lint-variables.ts'
import { givenOf, isSet, listed, refusal, SIDES, warning } from './env-lint-variables.ts'

/** The flags of the move to v4: what crashes the worker, what its defaults do, what does not go together. */
export function v4Findings(subject: LintSubject): readonly LintFinding[] {
  if (!readsV4Flags(subject.to)) return []
  const invalid = SIDES.flatMap(side => invalidValues(subject, side))
  if (invalid.length > 0) return invalid
  return [...crashing(subject), ...flips(subject), ...withoutEffect(subject)]
}

/** A refusal: the schemas know these values only, and the container ends before it serves anything. */
function invalidValues(subject: LintSubject, side: Side): readonly LintFinding[] {
  return V4_FLAGS.filter(flag => side === 'worker' || flag !== NATIVE_OTEL).flatMap(flag => {
    const given = givenOf(subject[side], flag.name)
    if (given.kind !== 'plain' || flag.values.includes(given.value)) return []
    return [
      refusal(
        `\`${flag.name}\` of the ${side} has a value that Langfuse ${subject.to} refuses to start with: write ${flag.values.join(', ').replace(/, ([^,]+)$/, ' or $1')}.`,
      ),
    ]
  })
}

/** A refusal: validateV4Flags throws when the worker starts, while the web, which does not look, comes up. */
function crashing(subject: LintSubject): readonly LintFinding[] {
  const [mode, otel, preview] = [WRITE_MODE, NATIVE_OTEL, PREVIEW].map(flag => effective(flag, subject))
  if (mode === undefined || otel === undefined || preview === undefined) return []
  if (!crashes({ mode: mode.value, otel: otel.value, preview: preview.value })) return []
  const flags = [mode, otel, preview]
  const said = flags.map(({ name, value, source }) => `\`${name}=${value}\`${source}`).join(', ')
  return [
    refusal(
      `Langfuse ${subject.to}'s worker crashes at its start with ${said}: ${remedyFor(mode.value)}, on web and worker.`,
    ),
  ]
}

function remedyFor(mode: string): string {
  return mode === 'legacy'
    ? `set \`${NATIVE_OTEL.name}=dual_write\` and \`${PREVIEW.name}=false\``
    : `set \`${WRITE_MODE.name}=dual\`, or \`${NATIVE_OTEL.name}=direct\` with \`${PREVIEW.name}=true\``
}

/** Only values that the schema knows reach a sentence. Undefined: it is a secret, or files may hold it. */
function effective(flag: V4Flag, { worker, to }: LintSubject) {
  const given = givenOf(worker, flag.name)
  const fallback = flagDefault(flag.name, to)
  if (given.kind === 'secret' || fallback === undefined) return undefined
  if (given.kind === 'plain') return { name: flag.name, value: given.value, source: '' }
  return worker.files > 0 ? undefined : { name: flag.name, value: fallback, source: ' (its default)' }
}

/** A warning: unset flags are no mistake, but 4.0.0 turns every one of them round without a word. */
function flips(subject: LintSubject): readonly LintFinding[] {
  const { from, to, worker } = subject
  if (from === undefined || !crosses(from, to, '4.0.0') || worker.files > 0) return []
  const unset = V4_FLAGS.filter(({ name }) => !isSet(worker, name))
  if (unset.length === 0) return []
  const changes = unset.map(({ name, v3, v4 }) => `\`${name}\` from ${v3} to ${v4}`).join(', ')
  return [
    warning(
      `Defaults change at 4.0.0 for what the worker does not set: ${changes}; events_only ends the old ingestion and the way back to v3, so set ${listed(unset.map(({ name }) => name))} on web and worker, e.g. the mode \`dual\` first.`,
    ),
  ]
}

/** A warning: a v4 that writes the old tables only, and still fills or shows the new ones. */
function withoutEffect(subject: LintSubject): readonly LintFinding[] {
  const mode = effective(WRITE_MODE, subject)
  if (mode?.value !== 'legacy' || !crosses('3.225.4', subject.to, '4.0.0')) return []
  const wrong = [BACKFILL, PREVIEW].filter(flag => effective(flag, subject)?.value === 'true')
  if (wrong.length === 0) return []
  return [
    warning(
      `With \`${WRITE_MODE.name}=legacy\` Langfuse ${subject.to} does not keep the events tables, but ${listed(wrong.map(({ name }) => name))} ${wrong.length > 1 ? 'are' : 'is'} true: set ${wrong.length > 1 ? 'them' : 'it'} to false on web and worker.`,
    ),
  ]
}
