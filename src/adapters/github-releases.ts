import { RolloutError } from '../errors/errors.ts'
import type { ReleaseSource, ReleaseTree } from '../ports/github.ts'
import { once } from './clients.ts'

const [OWNER, REPO] = ['langfuse', 'langfuse']
const POSTGRES = ['packages', 'shared', 'prisma', 'migrations']
const CLICKHOUSE = ['packages', 'shared', 'clickhouse', 'migrations', 'unclustered']

export type GitHubReleasesOptions = {
  /** A token of github.com: without one GitHub allows 60 requests an hour. */
  readonly token: string | undefined
  /** Only for tests: a GitHub Enterprise Server does not have Langfuse's repository. */
  readonly apiUrl?: string | undefined
}

type Entry = { readonly path: string; readonly type: string; readonly sha: string }

/** Reads a tag's tree folder by folder: https://docs.github.com/en/rest/git/trees. */
export function gitHubReleases({ token, apiUrl }: GitHubReleasesOptions): ReleaseSource {
  const location = `https://github.com/${OWNER}/${REPO}`
  const octokit = once(async () => {
    const { GitHub } = await import('@actions/github/lib/utils')
    return new GitHub({
      ...(token !== undefined && { auth: token }),
      baseUrl: apiUrl ?? 'https://api.github.com',
    }).rest
  })
  return {
    location,
    async read(version) {
      const root = await entriesOf(`v${version}`)
      if (root === undefined) return undefined
      const [postgres, clickhouse] = [await folder(root, POSTGRES), await folder(root, CLICKHOUSE)]
      return treeOf(postgres, clickhouse, `${location} at v${version}`)
    },
  }

  async function folder(root: readonly Entry[], path: readonly string[]): Promise<readonly Entry[]> {
    let entries = root
    for (const name of path) {
      const found = entries.find(entry => entry.path === name && entry.type === 'tree')
      if (found === undefined) throw new RolloutError(`${location} no longer has folder ${path.join('/')}.`)
      entries = (await entriesOf(found.sha)) ?? []
    }
    return entries
  }

  async function entriesOf(tree: string): Promise<readonly Entry[] | undefined> {
    const { git } = await octokit()
    try {
      const { data } = await git.getTree({ owner: OWNER, repo: REPO, tree_sha: tree })
      if (data.truncated) throw new RolloutError(`GitHub returned only a part of ${location} at ${tree}.`)
      return data.tree.map(({ path = '', type = '', sha = '' }) => ({ path, type, sha }))
    } catch (error) {
      if (error instanceof Error && 'status' in error && error.status === 404) return undefined
      throw error
    }
  }
}

function treeOf(postgres: readonly Entry[], clickhouse: readonly Entry[], location: string): ReleaseTree {
  const names = postgres.filter(({ type }) => type === 'tree').map(({ path }) => path)
  const numbers = clickhouse.flatMap(
    ({ path }) => Number(/^(\d+)_.+\.up\.sql$/.exec(path)?.[1] ?? Number.NaN) || [],
  )
  if (names.length === 0 || numbers.length === 0)
    throw new RolloutError(`${location} no longer has migrations in the expected folders.`)
  return {
    postgres: names.sort((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right))),
    clickhouse: numbers.sort((left, right) => left - right),
  }
}
