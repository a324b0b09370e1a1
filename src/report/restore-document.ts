import { type Runbook, type RunbookStep, titleAndRest } from '../plan/runbook.ts'
import { inline, list } from './markdown.ts'

/** The whole restore as one document, for one stack and one deployment record. */
export function restoreDocument(runbook: Runbook): string {
  const { stack, release } = runbook
  return [
    `# Restore of Langfuse ${inline(release)} from its backups`,
    inline(`Account ${stack.account}, region ${stack.region}, cluster ${stack.cluster}.`),
    restoreSteps(runbook),
    '',
  ].join('\n\n')
}

/** The same without a title, for the job summary. */
export function restoreSteps({ notes, steps }: Runbook): string {
  return [list(notes), HOW, ...steps.map(stepOf)].join('\n\n')
}

const HOW =
  'Take the steps in this sequence. Each script is for bash with the AWS CLI, stops at its first failure, and prints its last line only if it succeeded: do not continue without that line. `aws … wait` gives up after 10 to 30 minutes. If it does, run that command and those after it again.'

function stepOf({ what, script, instead }: RunbookStep, index: number): string {
  const { title, rest } = titleAndRest(what)
  return [
    ...(instead === undefined ? [] : ['---', inline(instead)]),
    `## ${index + 1}. ${inline(title)}`,
    ...(rest === '' ? [] : [inline(rest)]),
    ...(script === undefined
      ? []
      : [fenced(script.replace(/\n\)$/, `\necho "Step ${index + 1} is done."\n)`))]),
  ].join('\n\n')
}

/** Longer than any run of backticks in it. */
function fenced(script: string): string {
  const longest = Math.max(2, ...[...script.matchAll(/`+/g)].map(([run]) => run.length))
  const fence = '`'.repeat(longest + 1)
  return `${fence}sh\n${script}\n${fence}`
}
