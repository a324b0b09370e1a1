import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { answerIssues, type Issue } from './github-issues.ts'

/** GitHub's API on a local port: deployments, as far as the record of a deploy uses them, issues, and the trees of tags. */
export type GitHub = {
  /** For GITHUB_API_URL. */
  readonly url: string
  /** All of them, whatever task they are of. */
  readonly all: Deployment[]
  /** Those that are records of a deploy, made before its first change. */
  readonly deployments: readonly Deployment[]
  /** Those that say what a deploy or rollback has left. */
  readonly baselines: readonly Deployment[]
  readonly issues: Issue[]
  /** What the token may not, and whether the repository has issues at all; both may be changed. */
  readonly refuses: Refusals
  /** Status of workflow runs by id; runs that are not in it do not exist. */
  readonly runs: Map<string, 'in_progress' | 'completed'>
  /** Paths of the files that a tag of langfuse/langfuse holds; tags that are not in it do not exist. */
  readonly tags: Map<string, readonly string[]>
  stop(): Promise<void>
}

export type Refusals = {
  deployments: boolean
  actions: boolean
  issues: false | 'denied' | 'disabled'
  /** Seconds until the token's rate limit ends. */
  rateLimit: false | number
}

export type Deployment = {
  readonly id: number
  readonly environment: string
  readonly task: string
  readonly payload: unknown
  /** Newest first. */
  readonly statuses: {
    readonly state: string
    readonly description: string
    readonly environment_url: string
    readonly log_url: string
  }[]
}

/** `allowed: false` answers as GitHub does to a token without `deployments: write`. */
export async function startGitHub(options: { readonly allowed?: boolean } = {}): Promise<GitHub> {
  const all: Deployment[] = []
  const runs: GitHub['runs'] = new Map()
  const tags: GitHub['tags'] = new Map()
  const issues: Issue[] = []
  const refuses: Refusals = { deployments: false, actions: false, issues: false, rateLimit: false }
  const server = createServer(async (request, response) => {
    const { method = 'GET', url: path = '/', headers } = request
    const url = new URL(path, `http://${headers.host ?? 'localhost'}`)
    const body = await bodyOf(request)
    const answer: Answer =
      refusal(url, options.allowed === false, refuses) ??
      answerIssues({ method, url, body }, issues) ??
      route(method, url, body, { deployments: all, runs, tags })
    response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers })
    response.end(JSON.stringify(answer.body))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    all,
    get deployments() {
      return all.filter(deployment => !isBaseline(deployment))
    },
    get baselines() {
      return all.filter(isBaseline)
    },
    issues,
    refuses,
    runs,
    tags,
    stop: () => close(server),
  }
}

const isBaseline = ({ task }: Deployment) => task.endsWith(':baseline')

type Answer = {
  readonly status: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

const NOT_ALLOWED: Answer = { status: 403, body: { message: 'Resource not accessible by integration' } }

function refusal({ pathname }: URL, all: boolean, refuses: Refusals): Answer | undefined {
  if (refuses.rateLimit !== false) return rateLimited(refuses.rateLimit)
  const part = /^\/repos\/[^/]+\/[^/]+\/(deployments|actions|issues)\b/.exec(pathname)?.[1]
  if (part === 'issues' && refuses.issues === 'disabled')
    return { status: 410, body: { message: 'Issues has been disabled in this repository.' } }
  const denied =
    (part === 'issues' && refuses.issues === 'denied') ||
    (part === 'deployments' && refuses.deployments) ||
    (part === 'actions' && refuses.actions)
  return all || denied ? NOT_ALLOWED : undefined
}

/** https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api */
function rateLimited(seconds: number): Answer {
  const now = Math.floor(Date.now() / 1_000)
  const headers = {
    date: new Date(now * 1_000).toUTCString(),
    'x-ratelimit-remaining': '0',
    'x-ratelimit-reset': String(now + seconds),
  }
  return { status: 403, body: { message: 'API rate limit exceeded for installation ID 1.' }, headers }
}

type Body = Readonly<Record<string, unknown>>

type Kept = { readonly deployments: Deployment[] } & Pick<GitHub, 'runs' | 'tags'>

function route(method: string, url: URL, body: Body, { deployments, runs, tags }: Kept): Answer {
  const tree = /^\/repos\/langfuse\/langfuse\/git\/trees\/(.+)$/.exec(url.pathname)?.[1]
  if (tree !== undefined) return treeOf(decodeURIComponent(tree), tags)
  const run = /^\/repos\/[^/]+\/[^/]+\/actions\/runs\/(\d+)$/.exec(url.pathname)?.[1]
  if (run !== undefined) return runOf(runs.get(run))
  const match = /^\/repos\/[^/]+\/[^/]+\/deployments(?:\/(\d+)\/statuses)?$/.exec(url.pathname)
  if (!match) return { status: 404, body: { message: 'Not Found' } }
  const id = match[1]
  if (id !== undefined)
    return statuses(
      method,
      deployments.find(item => item.id === Number(id)),
      { body, size: Number(url.searchParams.get('per_page') ?? 30) },
    )
  if (method === 'POST') return create(body, deployments)
  const wanted = (item: Deployment) =>
    (url.searchParams.get('environment') ?? item.environment) === item.environment &&
    (url.searchParams.get('task') ?? item.task) === item.task
  return { status: 200, body: deployments.filter(wanted).toReversed() }
}

/** A folder's id is its tag and path, so that it can be asked for as the real one is by its hash. */
function treeOf(id: string, tags: GitHub['tags']): Answer {
  const [tag = '', folder = ''] = id.split(':')
  const files = tags.get(tag)
  const prefix = folder === '' ? '' : `${folder}/`
  const inside = files?.filter(path => path.startsWith(prefix)).map(path => path.slice(prefix.length)) ?? []
  if (inside.length === 0) return { status: 404, body: { message: 'Not Found' } }
  const names = new Map(inside.map(path => [path.split('/')[0] ?? '', path.includes('/') ? 'tree' : 'blob']))
  const tree = [...names].map(([path, type]) => ({ path, type, sha: `${tag}:${prefix}${path}` }))
  return { status: 200, body: { sha: id, tree, truncated: false } }
}

function runOf(status: string | undefined): Answer {
  return status === undefined
    ? { status: 404, body: { message: 'Not Found' } }
    : { status: 200, body: { status } }
}

function create(body: Body, deployments: Deployment[]): Answer {
  if (typeof body['ref'] !== 'string') return { status: 422, body: { message: 'Validation Failed: ref' } }
  const deployment: Deployment = {
    id: 1_000 + deployments.length,
    environment: String(body['environment'] ?? 'production'),
    task: String(body['task'] ?? 'deploy'),
    payload: body['payload'] ?? {},
    statuses: [],
  }
  deployments.push(deployment)
  return { status: 201, body: deployment }
}

function statuses(
  method: string,
  deployment: Deployment | undefined,
  { body, size }: { readonly body: Body; readonly size: number },
): Answer {
  if (deployment === undefined) return { status: 404, body: { message: 'Not Found' } }
  if (method !== 'POST') return { status: 200, body: deployment.statuses.slice(0, size) }
  const status = {
    state: String(body['state']),
    description: String(body['description'] ?? ''),
    environment_url: String(body['environment_url'] ?? ''),
    log_url: String(body['log_url'] ?? ''),
  }
  deployment.statuses.unshift(status)
  return { status: 201, body: status }
}

async function bodyOf(request: IncomingMessage): Promise<Body> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString()
  return text === '' ? {} : (JSON.parse(text) as Body)
}

function close(server: Server): Promise<void> {
  server.closeAllConnections()
  return new Promise(resolve => server.close(() => resolve()))
}
