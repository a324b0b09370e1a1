/** GitHub's issues of one repository, as far as an issue that is kept up to date uses them. */
export type Issue = {
  readonly number: number
  title: string
  body: string | null
  state: 'open' | 'closed'
  state_reason: string | null
  readonly user: { readonly login: string; readonly type: 'Bot' | 'User' }
  readonly author_association: string
  /** Pull requests are listed as issues. */
  readonly pull_request?: { readonly url: string }
  /** When it changed last, by a clock that counts changes. */
  updated: number
  readonly comments: string[]
  /** How often title or body were written since it was made. */
  edits: number
}

export type IssueAnswer = {
  readonly status: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

type Request = {
  readonly method: string
  readonly url: URL
  readonly body: Readonly<Record<string, unknown>>
}

/** undefined when the path is none of issues: https://docs.github.com/en/rest/issues. */
export function answerIssues(request: Request, issues: Issue[]): IssueAnswer | undefined {
  const path = /^\/repos\/[^/]+\/[^/]+\/issues(?:\/(\d+)(\/comments)?)?$/.exec(request.url.pathname)
  if (path === null) return undefined
  const [, number, comments] = path
  if (number === undefined) return request.method === 'POST' ? create(request, issues) : list(request, issues)
  const issue = issues.find(item => item.number === Number(number))
  if (issue === undefined) return { status: 404, body: { message: 'Not Found' } }
  if (comments !== undefined) return comment(request, issue, issues)
  return request.method === 'PATCH' ? update(request, issue, issues) : { status: 200, body: viewOf(issue) }
}

/** An issue as somebody else made it: in the browser, or long ago. */
export function addIssue(issues: Issue[], over: Partial<Issue> = {}): Issue {
  const issue: Issue = {
    number: issues.length + 1,
    title: 'An issue',
    body: null,
    state: 'open',
    state_reason: null,
    user: { login: 'github-actions[bot]', type: 'Bot' },
    author_association: 'NONE',
    updated: tick(issues),
    comments: [],
    edits: 0,
    ...over,
  }
  issues.push(issue)
  return issue
}

const LONGEST_BODY = 65_536

function tick(issues: readonly Issue[]): number {
  return Math.max(0, ...issues.map(issue => issue.updated)) + 1
}

/** Pages with the Link header; newest first unless it is asked for otherwise. */
function list({ url }: Request, issues: readonly Issue[]): IssueAnswer {
  const query = url.searchParams
  const state = query.get('state') ?? 'open'
  const by = query.get('sort') === 'updated' ? 'updated' : 'number'
  const found = issues
    .filter(issue => state === 'all' || issue.state === state)
    .sort((left, right) => right[by] - left[by])
  const ordered = query.get('direction') === 'asc' ? found.toReversed() : found
  const size = Math.min(100, Number(query.get('per_page') ?? 30))
  const page = Number(query.get('page') ?? 1)
  const next = new URL(url)
  next.searchParams.set('page', String(page + 1))
  return {
    status: 200,
    body: ordered.slice((page - 1) * size, page * size).map(viewOf),
    ...(ordered.length > page * size && { headers: { link: `<${next.href}>; rel="next"` } }),
  }
}

function create({ body }: Request, issues: Issue[]): IssueAnswer {
  const { title, body: text } = body
  if (typeof title !== 'string' || title === '') return invalid('title', 'missing_field')
  if (String(text ?? '').length > LONGEST_BODY) return tooLong
  return { status: 201, body: viewOf(addIssue(issues, { title, body: String(text ?? '') })) }
}

function update({ body }: Request, issue: Issue, issues: readonly Issue[]): IssueAnswer {
  const { title, body: text, state, state_reason: reason } = body
  if (String(text ?? '').length > LONGEST_BODY) return tooLong
  if (title !== undefined || text !== undefined) issue.edits += 1
  if (title !== undefined) issue.title = String(title)
  if (text !== undefined) issue.body = String(text)
  if (state === 'open' || state === 'closed') issue.state = state
  if (reason !== undefined) issue.state_reason = String(reason)
  issue.updated = tick(issues)
  return { status: 200, body: viewOf(issue) }
}

function comment({ method, body }: Request, issue: Issue, issues: readonly Issue[]): IssueAnswer {
  if (method !== 'POST') return { status: 200, body: issue.comments.map(text => ({ body: text })) }
  issue.comments.push(String(body['body'] ?? ''))
  issue.updated = tick(issues)
  return { status: 201, body: { id: issue.comments.length, body: body['body'] } }
}

function viewOf({ comments, edits: _edits, updated: _updated, ...issue }: Issue): unknown {
  return { id: 70_000 + issue.number, ...issue, labels: [], comments: comments.length }
}

const tooLong: IssueAnswer = {
  status: 422,
  body: {
    message: 'Validation Failed',
    errors: [
      {
        resource: 'Issue',
        code: 'custom',
        field: 'body',
        message: 'body is too long (maximum is 65536 characters)',
      },
    ],
  },
}

function invalid(field: string, code: string): IssueAnswer {
  return { status: 422, body: { message: 'Validation Failed', errors: [{ resource: 'Issue', code, field }] } }
}
