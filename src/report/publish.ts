import type { Runner } from '../ports/runner.ts'
import type { Conclusion } from './conclusion.ts'
import { isSuccess } from './conclusion.ts'
import { reportOf } from './json.ts'
import { outputsOf } from './outputs.ts'
import { summaryOf } from './summary.ts'

/** Says the conclusion everywhere: report file, outputs, summary, and the run's one annotation. */
export async function publish(conclusion: Conclusion, runner: Runner): Promise<void> {
  const path = await runner.file(
    `${conclusion.action}-report.json`,
    reportOf(conclusion, text => runner.redact(text)),
  )
  for (const [name, value] of Object.entries(outputsOf(conclusion, path))) runner.output(name, value)
  await runner.summary(summaryOf(conclusion))
  for (const warning of unannounced(conclusion)) runner.info(`Warning: ${warning}`)
  for (const step of conclusion.next) runner.info(`Next: ${step}`)
  const sentence = [conclusion.headline, ...conclusion.problems].join('\n')
  if (isSuccess(conclusion)) runner.info(sentence)
  else runner.annotate('error', `Langfuse ${conclusion.action}: ${conclusion.outcome}`, sentence)
}

/** The plan's own warnings are in the log since it was announced. */
function unannounced({ warnings, plan }: Conclusion): readonly string[] {
  return warnings.filter(warning => !plan?.warnings.includes(warning))
}
