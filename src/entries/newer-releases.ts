import { explain } from '../errors/errors.ts'
import { withRelease } from '../release/facts.ts'
import { compareVersions } from '../release/release.ts'
import { majorOf } from '../release/requirements.ts'
import type { Ports } from './ports.ts'

/**
 * The same ports with facts about these releases even if they are newer than the catalog: reads their migrations from
 * Langfuse's public repository. One that cannot be read stays unknown, and the plan refuses what needs it.
 */
export async function withNewerReleases(
  ports: Ports,
  versions: readonly (string | undefined)[],
): Promise<Ports> {
  let { facts } = ports
  for (const version of versions) {
    if (version === undefined || !isReadable(version, ports) || facts.release(version) !== undefined) continue
    const { releases, runner } = ports
    try {
      const tree = await releases.read(version)
      if (tree === undefined) {
        runner.info(`${releases.location} has no tag v${version}.`)
        continue
      }
      runner.info(
        `Langfuse ${version} is newer than the catalog of this action: read its migrations from ${releases.location}.`,
      )
      facts = withRelease(facts, { version, tree, readFrom: releases.location })
    } catch (error) {
      runner.info(
        `Could not read the migrations of Langfuse ${version} from ${releases.location}: ${explain(error)}`,
      )
    }
  }
  return { ...ports, facts }
}

/** Only final releases that are newer than every catalog release of their major version. */
function isReadable(version: string, { facts }: Ports): boolean {
  const newest = facts.releases.findLast(release => majorOf(release.version) === majorOf(version))
  return !version.includes('-') && newest !== undefined && compareVersions(version, newest.version) > 0
}
