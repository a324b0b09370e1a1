import { RolloutError } from '../errors/errors.ts'
import type { Issue, Issues } from '../ports/github.ts'
import { type GitHubLocation, octokitOf } from './github-records.ts'

/** Issues of the job's repository: https://docs.github.com/en/rest/issues. Needs `issues: write`. */
export function gitHubIssues(location: Pick<GitHubLocation, 'token' | 'repository' | 'apiUrl'>): Issues {
  const [owner = '', repo = ''] = location.repository.split('/')
  const octokit = octokitOf(location)
  return {
    location: location.repository,
    find: marker =>
      explained(async () => {
        const { paginate, rest } = await octokit()
        const list = { owner, repo, per_page: 100 }
        const [open, closed] = await Promise.all([
          paginate(rest.issues.listForRepo, { ...list, state: 'open' }),
          // Only recently closed issues matter.
          rest.issues.listForRepo({ ...list, state: 'closed', sort: 'updated', direction: 'desc' }),
        ])
        return [...open, ...closed.data]
          .filter(item => isOurs(item) && item.body?.includes(marker))
          .map((item): Issue => ({ number: item.number, open: item.state === 'open', body: item.body ?? '' }))
          .sort((left, right) => left.number - right.number)
      }),
    create: text =>
      explained(async () => {
        const { rest } = await octokit()
        const { data } = await rest.issues.create({ owner, repo, ...text })
        return data.number
      }),
    edit: (issue, text) =>
      explained(async () => {
        const { rest } = await octokit()
        await rest.issues.update({ owner, repo, issue_number: issue, ...text })
      }),
    close: (issue, comment, why) =>
      explained(async () => {
        const { rest } = await octokit()
        await rest.issues.createComment({ owner, repo, issue_number: issue, body: comment })
        await rest.issues.update({
          owner,
          repo,
          issue_number: issue,
          state: 'closed',
          state_reason: why === 'completed' ? 'completed' : 'not_planned',
        })
      }),
  }

  /** GitHub answers 410 if issues are disabled, 403 or 404 if the token lacks the permission. */
  async function explained<Value>(work: () => Promise<Value>): Promise<Value> {
    try {
      return await work()
    } catch (error) {
      const status = error instanceof Error && 'status' in error ? error.status : undefined
      if (status === 410) {
        throw new RolloutError(
          `issues are disabled in ${location.repository}: enable them, or set \`drift-issue: false\``,
          { cause: error },
        )
      }
      if (status === 403 || status === 404 || status === 401) {
        throw new RolloutError(
          `the token is not allowed to write issues in ${location.repository}: give the job \`permissions: issues: write\``,
          { cause: error },
        )
      }
      throw error
    }
  }
}

/** In a public repository anybody can open an issue with our marker. GitHub lists pull requests as issues too. */
function isOurs(item: {
  readonly pull_request?: unknown
  readonly author_association?: string
  readonly user: { readonly type?: string } | null
}): boolean {
  const trusted = ['OWNER', 'MEMBER', 'COLLABORATOR'].includes(item.author_association ?? '')
  return item.pull_request === undefined && (trusted || item.user?.type === 'Bot')
}
