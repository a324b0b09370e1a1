import type { Check } from './check.ts'
import { failed, inconclusive, passed, skipped } from './check.ts'

export const webHealth = {
  id: 'web-health',
  title: 'Langfuse answers and is healthy',
  group: 'public',
  needs: [],
  settles: true,
  about: ['web'],
  run({ stack }) {
    if (!stack.health.known) return failed(`${stack.health.reason}. Check the web's log and input \`url\`.`)
    const { status, version } = stack.health.value
    if (status !== 200)
      return failed(
        `${stack.health.source} answers ${status}: the web runs but reports that it is unhealthy. Check its log.`,
      )
    if (version === undefined)
      return inconclusive(
        `${stack.health.source} answers 200, but not with Langfuse's health report: check input \`url\`.`,
      )
    return passed(`${stack.health.source} answers 200.`)
  },
} as const satisfies Check

export const webVersion = {
  id: 'web-version',
  title: 'The web reports the expected release',
  group: 'public',
  needs: [],
  settles: true,
  about: ['web'],
  run({ stack, expected, facts }) {
    if (!stack.health.known) return inconclusive('The web did not answer, so its release is unknown.')
    const { version } = stack.health.value
    if (expected === undefined)
      return skipped(`The web reports ${version ?? 'no version'}; no exact tag names the expected release.`)
    // A few releases report another version than their tag; the catalog knows which.
    const wanted = facts.release(expected)?.reportedVersion ?? expected
    if (version === undefined)
      return inconclusive(`The web reports no version, but ${wanted} should run: check input \`url\`.`)
    if (version !== wanted)
      return failed(
        `The web reports ${version}, but ${wanted} should run: an older revision still serves requests, or the image is mislabelled. Deploy ${wanted} again.`,
      )
    return passed(`The web reports ${version}.`)
  },
} as const satisfies Check
