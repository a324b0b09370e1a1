import { shortImage } from '../release/image.ts'
import type { Observed, WebHealth } from '../stack/stack.ts'
import {
  type Check,
  type Finding,
  failed,
  inconclusive,
  KIND,
  passed,
  type Subject,
  skipped,
} from './check.ts'

/**
 * What Langfuse itself answers, at its public URL or else inside the VPC. A URL that could not be read before a change
 * either says nothing about the change: then the platform's own evidence and the digests count.
 */
export const webHealth = {
  ...KIND.rollout,
  group: 'public',
  id: 'web-health',
  title: 'Langfuse answers and is healthy',
  about: ['web'],
  run({ stack, before }) {
    const { health, probe } = stack
    if (health.known) return ofAnswer(health)
    if (before?.health.known)
      return failed(`${health.reason}. It answered before this run: check the web's log.`)
    if (probe.web.known) return ofAnswer(probe.web, ` inside the VPC. ${NOT_READ}: ${health.reason}`)
    if (before?.probe.web.known && probe.web.because === 'unreachable')
      return failed(`${probe.web.reason}. It answered before this run: check the web's log.`)
    if (before !== undefined) return skipped(`${NOT_READ}, as before this run: ${health.reason}.`)
    return health.because === 'unreachable'
      ? failed(`${health.reason}. Check the web's log and input \`url\`.`)
      : inconclusive(`${health.reason}: check input \`url\`, or that this runner may read it.`)
  },
} as const satisfies Check

const NOT_READ = 'This runner cannot read the URL'

function ofAnswer({ source, value }: Known, where = ''): Finding {
  const { status, version } = value
  if (status === 200) return passed(`${source} answers 200${where}.`)
  return version === undefined
    ? failed(
        `${source} answers ${status}${where}, but not with Langfuse's health report: no web answers behind it. Check the web's log.`,
      )
    : failed(
        `${source} answers ${status}${where}: the web runs but reports that it is unhealthy. Check its log.`,
      )
}

type Known = Extract<Observed<WebHealth>, { known: true }>

export const webVersion = {
  ...KIND.rollout,
  group: 'public',
  id: 'web-version',
  title: 'The web reports the expected release',
  about: ['web'],
  run({ stack, before, expected, facts }) {
    const answer = webAnswer({ stack, before })
    if (!answer.known)
      return before === undefined || before.health.known
        ? inconclusive(`The web reports no version: ${answer.reason}.`)
        : skipped(`${NOT_READ}, as before this run, so the web's version was not read.`)
    const { version } = answer.value
    if (expected === undefined)
      return skipped(`The web reports ${version ?? 'no version'}; no exact tag names the expected release.`)
    // A few releases report another version than their tag; the catalog knows which.
    const wanted = facts.release(expected)?.reportedVersion ?? expected
    const image = shortImage(stack.web.image.reference)
    if (version === undefined)
      return inconclusive(`The web reports no version, but ${wanted} should run: check input \`url\`.`)
    if (version !== wanted)
      return failed(
        `${answer.source} reports ${version}, not ${wanted}. Deploy ${wanted} again. If that changes nothing, the URL points to another environment, a cache answers, or the image has a wrong tag (\`${image}\`).`,
      )
    return passed(`The web reports ${version}.`)
  },
} as const satisfies Check

/** A web that was readable before the change must be so again. */
function webAnswer({
  stack: { health, probe },
  before,
}: Pick<Subject, 'stack' | 'before'>): Observed<WebHealth> {
  return !health.known && probe.web.known && !before?.health.known ? probe.web : health
}
