import { RolloutError } from '../errors/rollout-error.ts'
import type { Artifact, DeploymentRecord, RecordState, Records } from '../ports/records.ts'
import { withArtifact } from '../ports/records.ts'
import { once } from './once.ts'

/** Marks our deployments among others of the repository. */
const TASK = 'langfuse-rollout'

export type GitHubPlace = {
  readonly token: string
  /** `owner/name` */
  readonly repository: string
  /** The commit that the workflow runs on: GitHub wants one for every deployment. */
  readonly ref: string
  readonly environment: string
  readonly runUrl: string | undefined
  /** GITHUB_API_URL: GitHub Enterprise Server has its own. */
  readonly apiUrl: string | undefined
}

/** Records as GitHub deployments: https://docs.github.com/en/rest/deployments. Needs `deployments: write`. */
export function gitHubRecords(place: GitHubPlace): Records {
  const [owner = '', repo = ''] = place.repository.split('/')
  const octokit = once(async () => {
    const { getOctokit } = await import('@actions/github')
    return getOctokit(place.token, place.apiUrl === undefined ? {} : { baseUrl: place.apiUrl }).rest
  })
  return {
    place: `GitHub environment ${place.environment} of ${place.repository}`,
    async open(record) {
      const { repos } = await octokit()
      const { data } = await repos.createDeployment({
        owner,
        repo,
        ref: place.ref,
        task: TASK,
        environment: place.environment,
        description: `Langfuse ${record.to}`,
        payload: { ...record },
        // The workflow that calls this is the approval; and a required status could be this very run.
        auto_merge: false,
        required_contexts: [],
      })
      if (!('id' in data))
        throw new RolloutError(
          `GitHub did not make a deployment record: ${data.message ?? 'no reason given'}.`,
        )
      await status(data.id, 'in_progress', `Langfuse ${record.to} is being rolled out`)
      return String(data.id)
    },
    mark: (id, state, sentence, url) => status(Number(id), state, sentence, url),
    // A deployment's payload cannot be changed: a status says what there is to restore from.
    keep: (id, { kind, id: kept }) => status(Number(id), 'in_progress', `${ARTIFACTS[kind]}: ${kept}`),
    async isRunning(run) {
      const { actions } = await octokit()
      try {
        const { data } = await actions.getWorkflowRun({ owner, repo, run_id: Number(run) })
        return data.status !== 'completed'
      } catch {
        return undefined // No permission, or a run of another repository: it cannot be told.
      }
    },
    async latest() {
      const { repos } = await octokit()
      const { data } = await repos.listDeployments({
        owner,
        repo,
        environment: place.environment,
        task: TASK,
        per_page: 30,
      })
      for (const deployment of data) {
        const record = parseRecord(deployment.payload)
        if (record === undefined) continue
        const statuses = await repos.listDeploymentStatuses({
          owner,
          repo,
          deployment_id: deployment.id,
          per_page: 100,
        })
        const state = statuses.data[0]?.state ?? 'pending'
        // `inactive` is how a rollback marks the record that it has undone.
        if (state === 'inactive') continue
        const kept = statuses.data.flatMap(item => parseArtifact(item.description)).toReversed()
        return { id: String(deployment.id), record: kept.reduce(withArtifact, record), state }
      }
      return undefined
    },
  }

  async function status(id: number, state: RecordState, sentence: string, url?: string): Promise<void> {
    const { repos } = await octokit()
    await repos.createDeploymentStatus({
      owner,
      repo,
      deployment_id: id,
      state,
      // GitHub takes 140 characters.
      description: sentence.slice(0, 140),
      ...(place.runUrl !== undefined && { log_url: place.runUrl }),
      ...(url !== undefined && { environment_url: url }),
      // The older records are the way back: GitHub must not mark them inactive by itself.
      auto_inactive: false,
    })
  }
}

const ARTIFACTS: Readonly<Record<Artifact['kind'], string>> = {
  'aurora-snapshot': 'Aurora snapshot',
  'efs-recovery-point': 'EFS recovery point',
}

/** What a status of `keep` says; empty for every other status. */
function parseArtifact(description: string): readonly Artifact[] {
  const kinds = ['aurora-snapshot', 'efs-recovery-point'] as const
  return kinds.flatMap(kind => {
    const id = new RegExp(`^${ARTIFACTS[kind]}: (\\S+)$`).exec(description)?.[1]
    return id === undefined ? [] : [{ kind, id }]
  })
}

/** GitHub gives the payload back as an object or as JSON text; undefined when it is not a record of ours. */
function parseRecord(payload: unknown): DeploymentRecord | undefined {
  const value: unknown = typeof payload === 'string' ? parseJson(payload) : payload
  if (typeof value !== 'object' || value === null || !('schema' in value) || value.schema !== 1)
    return undefined
  return 'images' in value && 'to' in value ? (value as DeploymentRecord) : undefined
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
