import { GitHubFailure, RolloutError } from '../errors/errors.ts'
import {
  type Artifact,
  type Baseline,
  type DeploymentRecord,
  type RecordState,
  type Records,
  ROLLED_BACK,
  withArtifact,
} from '../ports/github.ts'
import { parseImage } from '../release/image.ts'
import { type Cancel, until } from './cancel.ts'
import { once } from './clients.ts'
import { fetch } from './fetch.ts'
import { explainedByGitHub } from './github-errors.ts'
import { githubRunner } from './github-runner.ts'

/** Marks our deployments among others of the repository. */
const TASK = 'langfuse-rollout'
/** The baseline is a separate deployment after success, because a payload is immutable and a status has 140 characters. */
const BASELINE_TASK = 'langfuse-rollout:baseline'

export type GitHubLocation = {
  readonly token: string
  /** `owner/name` */
  readonly repository: string
  /** The workflow's commit: every GitHub deployment needs one. */
  readonly ref: string
  readonly environment: string
  readonly runUrl: string | undefined
  /** GITHUB_API_URL: GitHub Enterprise Server has its own. */
  readonly apiUrl: string | undefined
  readonly cancel?: Cancel
}

/** Records as GitHub deployments: https://docs.github.com/en/rest/deployments. Needs `deployments: write`. */
export function gitHubRecords(location: GitHubLocation): Records {
  const [owner = '', repo = ''] = location.repository.split('/')
  const gitHub = octokitOf(location)
  const octokit = async () => (await gitHub()).rest
  const reading = {
    what: `reading the deployment records of ${location.repository}`,
    permission: `${NEEDED} (verify: \`permissions: deployments: read\`)`,
  }
  const writing = { what: `writing deployment records of ${location.repository}`, permission: NEEDED }
  return {
    location: `GitHub environment ${location.environment} of ${location.repository}`,
    async open(record) {
      const id = await create(TASK, `Langfuse ${record.to}`, { ...record })
      await status(id, 'in_progress', `Langfuse ${record.to} is being rolled out`)
      return String(id)
    },
    mark: (id, state, sentence, url) => status(Number(id), state, sentence, url),
    // A payload is immutable, so a status names what can be restored from.
    keep: (id, { kind, id: kept }) => status(Number(id), 'in_progress', `${ARTIFACTS[kind]}: ${kept}`),
    async keepBaseline(baseline) {
      const sentence = `Baseline for drift, recorded after this ${baseline.by}`
      const id = await create(BASELINE_TASK, sentence, { ...baseline })
      await status(id, 'success', sentence)
      return String(id)
    },
    async baseline() {
      const data = await list(BASELINE_TASK, 5)
      for (const { id, payload } of data) {
        const baseline = parseBaseline(payload)
        if (baseline !== undefined) return { id: String(id), baseline }
      }
      return undefined
    },
    async isRunning(run) {
      const { actions } = await octokit()
      const asked = { what: `reading workflow run ${run}`, permission: '`permissions: actions: read`' }
      try {
        const { data } = await explainedByGitHub(asked, () =>
          actions.getWorkflowRun({ owner, repo, run_id: Number(run) }),
        )
        return data.status !== 'completed'
      } catch (error) {
        // No permission, or a run of another repository.
        if (error instanceof GitHubFailure && error.kind === 'denied') return undefined
        throw error
      }
    },
    async latest({ before } = {}) {
      for (const deployment of await list(TASK, 30)) {
        const record = parseRecord(deployment.payload)
        if (record === undefined) continue
        if (before !== undefined && deployment.id >= Number(before)) continue
        const statuses = await statusesOf(deployment.id)
        const state = statuses[0]?.state ?? 'pending'
        // A rollback marks the record that it reverted as `inactive`.
        if (state === 'inactive') continue
        const kept = statuses.flatMap(item => parseArtifact(item.description)).toReversed()
        const run = runIn(statuses[0]?.log_url) ?? record.run
        return { id: String(deployment.id), record: kept.reduce(withArtifact, record), state, run }
      }
      return undefined
    },
    async undone() {
      for (const deployment of await list(TASK, 5)) {
        const record = parseRecord(deployment.payload)
        if (record === undefined) continue
        const [last] = await statusesOf(deployment.id)
        if (last?.state !== 'inactive') return undefined
        if (last.description.startsWith(ROLLED_BACK)) return record
      }
      return undefined
    },
  }

  async function list(task: string, size: number) {
    const { repos } = await octokit()
    const { environment } = location
    const { data } = await explainedByGitHub(reading, () =>
      repos.listDeployments({ owner, repo, environment, task, per_page: size }),
    )
    return data
  }

  async function statusesOf(deployment: number) {
    const { repos } = await octokit()
    const { data } = await explainedByGitHub(reading, () =>
      repos.listDeploymentStatuses({ owner, repo, deployment_id: deployment, per_page: 100 }),
    )
    return data
  }

  async function create(
    task: string,
    description: string,
    payload: Record<string, unknown>,
  ): Promise<number> {
    const { repos } = await octokit()
    const { data } = await explainedByGitHub(writing, () =>
      repos.createDeployment({
        owner,
        repo,
        ref: location.ref,
        task,
        environment: location.environment,
        description: description.slice(0, 140),
        payload,
        // The calling workflow is the approval, and a required status could be this run itself.
        auto_merge: false,
        required_contexts: [],
      }),
    )
    if ('id' in data) return data.id
    throw new RolloutError(`GitHub did not create a deployment record: ${data.message ?? 'no reason given'}.`)
  }

  async function status(id: number, state: RecordState, sentence: string, url?: string): Promise<void> {
    const { repos } = await octokit()
    await explainedByGitHub(writing, () =>
      repos.createDeploymentStatus({
        owner,
        repo,
        deployment_id: id,
        state,
        // GitHub takes 140 characters.
        description: sentence.slice(0, 140),
        ...(location.runUrl !== undefined && { log_url: location.runUrl }),
        ...(url !== undefined && { environment_url: url }),
        // Rollback needs the older records, so GitHub must not mark them inactive.
        auto_inactive: false,
      }),
    )
  }
}

const NEEDED = '`permissions: deployments: write`'

/** The workflow run of a status: a resumed deploy keeps the record, and the payload, of an earlier run. */
function runIn(url: string | undefined): string | undefined {
  return /\/actions\/runs\/(\d+)/.exec(url ?? '')?.[1]
}

/** Loads the client on first use. */
export function octokitOf({ token, apiUrl, cancel }: Pick<GitHubLocation, 'token' | 'apiUrl' | 'cancel'>) {
  return once(async () => {
    const { getOctokit } = await import('@actions/github')
    const options = apiUrl === undefined ? {} : { baseUrl: apiUrl }
    // Octokit's own way through a proxy is kept.
    const proxied = ['HTTPS_PROXY', 'HTTP_PROXY'].some(
      name => (githubRunner.environment(name) ?? githubRunner.environment(name.toLowerCase())) !== undefined,
    )
    const octokit = getOctokit(token, proxied ? options : { ...options, request: { fetch } })
    octokit.hook.wrap('request', (request, asked) => {
      const signal = cancel?.(asked.method === 'GET' ? 'read' : 'write')
      if (signal === undefined) return request(asked)
      // The hooks inside this one see only this object.
      Object.assign(asked.request, { signal })
      return until(signal, Promise.resolve(request(asked)))
    })
    return octokit
  })
}

const ARTIFACTS: Readonly<Record<Artifact['kind'], string>> = {
  'aurora-snapshot': 'Aurora snapshot',
  'rds-snapshot': 'RDS snapshot',
  'efs-recovery-point': 'EFS recovery point',
}

/** The artifact that a status of `keep` names; empty for every other status. */
function parseArtifact(description: string): readonly Artifact[] {
  const kinds = ['aurora-snapshot', 'rds-snapshot', 'efs-recovery-point'] as const
  return kinds.flatMap(kind => {
    const id = new RegExp(`^${ARTIFACTS[kind]}: (\\S+)$`).exec(description)?.[1]
    return id === undefined ? [] : [{ kind, id }]
  })
}

/** A record decides what a rollback deploys, and others can write deployments too: undefined if a member is not as ours. */
function parseRecord(payload: unknown): DeploymentRecord | undefined {
  const value = parsePayload(payload)
  if (value === undefined || !('images' in value) || !('to' in value)) return undefined
  const record = value as Record<keyof DeploymentRecord, unknown>
  const { images, from, to, run, postgresAhead, clickhouseHead } = record
  const isText = (member: unknown) => typeof member === 'string' && member !== ''
  const isImage = (member: unknown) => typeof member === 'string' && parseImage(member) !== undefined
  const named = typeof images === 'object' && images !== null ? Object.entries(images) : []
  const whole = ['web', 'worker', 'clickhouse'].every(name =>
    named.some(([component, image]) => component === name && isImage(image)),
  )
  const optional = [from, run].every(member => member === undefined || member === null || isText(member))
  const migrations =
    (postgresAhead === undefined || (Array.isArray(postgresAhead) && postgresAhead.every(isText))) &&
    (clickhouseHead === undefined || clickhouseHead === null || Number.isInteger(clickhouseHead))
  return whole && optional && migrations && isText(to) ? (value as DeploymentRecord) : undefined
}

function parseBaseline(payload: unknown): Baseline | undefined {
  const value = parsePayload(payload)
  if (value === undefined || !('stack' in value) || !('fingerprint' in value)) return undefined
  const { fingerprint } = value
  const whole = typeof fingerprint === 'object' && fingerprint !== null && 'parts' in fingerprint
  return whole && typeof fingerprint.parts === 'object' && fingerprint.parts !== null
    ? (value as Baseline)
    : undefined
}

/** GitHub returns the payload as an object or as JSON text; undefined if it is not ours. */
function parsePayload(payload: unknown): object | undefined {
  const value: unknown = typeof payload === 'string' ? parseJson(payload) : payload
  const ours = typeof value === 'object' && value !== null && 'schema' in value && value.schema === 1
  return ours ? value : undefined
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
