import type { Runner } from '../ports/runner.ts'

/** Where people see this workflow run; undefined outside of GitHub. */
export function runUrl(runner: Pick<Runner, 'environment'>): string | undefined {
  const server = runner.environment('GITHUB_SERVER_URL')
  const repository = runner.environment('GITHUB_REPOSITORY')
  const run = runner.environment('GITHUB_RUN_ID')
  if (server === undefined || repository === undefined || run === undefined) return undefined
  return `${server}/${repository}/actions/runs/${run}`
}
