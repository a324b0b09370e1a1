import { explain } from '../errors/errors.ts'
import { withRelease } from '../release/facts.ts'
import { compareVersions } from '../release/release.ts'
import { majorOf } from '../release/requirements.ts'
import type { Ports } from './ports.ts'

/**
 * The same ports, whose facts have these releases also where they are newer than the catalog: their migrations are read
 * from Langfuse's public repository. One that cannot be read stays unknown, and the plan refuses what it is needed for.
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
        `The migrations of Langfuse ${version} were read from ${releases.location}: the catalog ends before it.`,
      )
      facts = withRelease(facts, { version, tree, readFrom: releases.location })
    } catch (error) {
      runner.info(
        `The migrations of Langfuse ${version} could not be read from ${releases.location}: ${explain(error)}`,
      )
    }
  }
  return { ...ports, facts }
}

/** Final releases of a major that the catalog knows, newer than all that it knows of it. */
function isReadable(version: string, { facts }: Ports): boolean {
  const newest = facts.releases.findLast(release => majorOf(release.version) === majorOf(version))
  return !version.includes('-') && newest !== undefined && compareVersions(version, newest.version) > 0
}
