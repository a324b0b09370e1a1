import type { Canary, CanaryQueue, CanaryRead } from '../stack/canary.ts'
import type { Stack } from '../stack/stack.ts'
import type { Check, Finding } from './check.ts'
import { failed, inconclusive, KIND, missing, passed, plural, skipped, warning } from './check.ts'

/** Reports whether a test trace was ingested and read back; if not, at which hop it was lost. */
export const canary = {
  ...KIND.setUp,
  group: 'public',
  needs: ['canary'],
  id: 'canary',
  title: 'A test trace can be written and read back',
  about: ['web', 'valkey', 'worker', 'clickhouse'],
  run({ stack, canary: seen }) {
    if (seen === undefined) return skipped('No canary trace was written.')
    if (!seen.known) return missing(seen)
    const finding = ofOther(seen.value, stack) ?? evaluate(seen.value, stack)
    return { ...finding, sentence: `${finding.sentence}${remains(seen.value)}` }
  },
} as const satisfies Check

function evaluate(seen: Canary, stack: Stack): Finding {
  const { write, read } = seen
  if (write.state === 'refused') return at(['web'], refused(seen, write.status, write.problem))
  if (read?.state === 'seen') return arrived(seen, read)
  if (read === undefined || read.state === 'cancelled')
    return inconclusive('The run was cancelled before the canary could be read back.')
  if (write.state === 'unanswered')
    return at(
      ['web'],
      failed(
        `The canary could not be written: ${seen.address} did not answer (${write.problem}). Check the web's log and input \`url\`.`,
      ),
    )
  if (read.state === 'refused') return at(['web'], unreadable(seen, read))
  return lost(seen, read, stack)
}

/** Whatever the canary shows is then of another Langfuse. */
function ofOther({ write, address }: Canary, { probe: { identity } }: Stack): Finding | undefined {
  if (write.state !== 'accepted' || !identity.known || identity.value.hasKey !== false) return undefined
  return failed(
    `The canary was accepted by ${address}, but PostgreSQL at ${identity.source} does not contain its public key. So web and database belong to different stacks. Check \`url\`, \`langfuse-public-key\` and the database.`,
  )
}

const at = (about: NonNullable<Finding['about']>, finding: Finding): Finding => ({ ...finding, about })

function arrived(seen: Canary, read: CanaryRead): Finding {
  const { route, deletion, left } = seen
  const what = route.path === 'otel' ? 'A span sent by OTLP' : 'A trace with an observation and a score'
  const note =
    route.path === 'otel' ? ' Mode `events_only` accepts only OTLP; older clients get 400 inside a 207.' : ''
  const sentence = `${what} was read back after ${seconds(read.milliseconds)}, so web, S3, Valkey, worker and ClickHouse work together.${note}`
  if (deletion.state === 'refused') return warning(sentence)
  const stuck = left.known && left.value.found >= MANY_LEFT
  return stuck ? warning(sentence) : passed(sentence)
}

/** One leftover is a killed run; this many mean that Langfuse accepts deletions but does not process them. */
const MANY_LEFT = 5

/** Wrong keys are no fault of a part of the stack. */
function ofTheKeys(sentence: string): Finding {
  return { ...failed(sentence), about: [] }
}

/** The first hop: the web's answer to the write. */
function refused({ address, route }: Canary, status: number, problem: string): Finding {
  const answer = problem === '' ? `${status}` : `${status}: ${problem}`
  if (status === 401 || status === 403)
    return ofTheKeys(
      `The web rejected the canary (${answer}): \`langfuse-public-key\` and \`langfuse-secret-key\` are not a valid pair of one project of ${address}, or SALT was changed. Use the keys of a project, not of an organization.`,
    )
  if (problem.includes('events_only'))
    return failed(
      `The web rejected each event of the canary (${answer}), although its settings say \`${route.mode}\`. It loses the events of clients before v4 the same way, and they see no error. Set LANGFUSE_MIGRATION_V4_WRITE_MODE on web and worker to \`dual\` (before 4.0.0: to \`legacy\`) and deploy both, or move the clients to v4.`,
    )
  if (/blob storage|S3|AccessDenied|PermanentRedirect|NoSuchBucket/i.test(problem))
    return failed(
      `The web could not store the canary in S3 (${answer}). It loses every trace the same way. Check LANGFUSE_S3_EVENT_UPLOAD_BUCKET, _REGION (the bucket's own, not \`auto\`) and _ENDPOINT, and that the web's role may put objects there.`,
    )
  if (
    /redis|valkey|OOM|READONLY|NOAUTH|WRONGPASS|ECONN|ETIMEDOUT|queue|connection (is|was) closed/i.test(
      problem,
    )
  )
    return failed(
      `The web stored the canary in S3 but could not queue it in Valkey (${answer}). See check \`valkey\`. Check the web's REDIS_HOST and REDIS_AUTH, and the security group for port 6379.`,
    )
  if (status === 404)
    return failed(
      `${address} has no API for traces (${answer}): check input \`url\`, and that no proxy in front of Langfuse blocks /api/public.`,
    )
  if (status === 429)
    return inconclusive(
      `The web is limiting requests (${answer}), so the canary could not be written: run verify again later.`,
    )
  if (status < 500)
    return failed(
      `The web rejected the canary (${answer}): check input \`url\` and the proxy in front of Langfuse.`,
    )
  return failed(
    `The web failed to accept the canary (${answer}), so it accepts no traces. Check the web's log, S3 and Valkey.`,
  )
}

/** Accepted, but the answer to the read says that waiting is useless. */
function unreadable({ route }: Canary, { last }: CanaryRead): Finding {
  if (/^40[13]/.test(last))
    return ofTheKeys(
      `The web accepted the canary but denies reading it (${last}): use an API key that may read.`,
    )
  if (route.path === 'otel')
    return failed(
      `The web accepted the canary but has no API to read it (${last}). Mode \`events_only\` needs LANGFUSE_MIGRATION_V4_ALLOW_PREVIEW_OPT_IN=true on web and worker.`,
    )
  return failed(
    `The web accepted the canary but has no API to read it (${last}), so it does not run in mode \`${route.mode}\` as its settings say. Deploy the web again to apply its settings.`,
  )
}

/** Accepted but not readable in time: names the last hop that the evidence shows. */
function lost(seen: Canary, read: CanaryRead, stack: Stack): Finding {
  const waited = `The canary was accepted, but ${partsOf(read)} not readable after ${seconds(read.milliseconds)} (last answer ${read.last}).${midnight(seen)}`
  if (seen.rows.known && seen.rows.value > 0 && read.missing.includes('trace'))
    return at(
      ['web', 'clickhouse'],
      failed(
        `${waited} It is in ClickHouse (${seen.rows.source}), so the web reads another ClickHouse than the worker writes, or cannot read it. Compare CLICKHOUSE_URL, CLICKHOUSE_DB and CLICKHOUSE_READ_ONLY_URL of both.`,
      ),
    )
  if (stack.worker.tasks.length === 0)
    return at(
      ['worker'],
      failed(
        `${waited} No worker task runs, so traces wait in Valkey until its memory is full. Start ${stack.worker.service.name} again (its desired count is ${stack.worker.service.desiredCount}).`,
      ),
    )
  const queues = queuesOf(seen, stack)
  if (queues === undefined)
    return at(
      ['worker'],
      failed(
        `${waited} It is stuck or lost between Valkey and ClickHouse; this run could not read the queues. Check the worker's log, and set \`redis-url\` and \`clickhouse-url\` to see more.`,
      ),
    )
  return at(['worker', 'valkey', 'clickhouse'], inQueues(waited, queues, seen, stack))
}

function inQueues(waited: string, { list, source }: Queues, seen: Canary, stack: Stack): Finding {
  const held = list.filter(queue => queue.waiting + queue.delayed + queue.active + queue.failed > 0)
  const contents = `${held.length === 0 ? 'all queues are empty' : held.map(contentOf).join('; ')} at ${source}`
  const health = healthOf(stack)
  if (held.some(queue => queue.waiting > 0))
    return failed(
      `${waited} It is queued but no worker is consuming it (${contents}). The worker has stopped consuming, although its task runs, or it is overloaded. Check its log, force a new deployment of the worker, and check that Valkey's maxmemory-policy is noeviction.${health}`,
    )
  if (held.some(queue => queue.delayed > 0))
    return failed(
      `${waited} The worker takes it but fails and retries it (${contents}). It cannot read the event from S3 or cannot write it to ClickHouse; its log says which. Compare its LANGFUSE_S3_EVENT_UPLOAD_* and CLICKHOUSE_* with the web's, and see the ClickHouse checks.${health}`,
    )
  const rows = seen.rows.known ? `, and ClickHouse (${seen.rows.source}) has no row of it` : ''
  return failed(
    `${waited} The worker received the event and stopped retrying (${contents})${rows}. It could not read the event from S3 or could not write it to ClickHouse; its log says which. Compare its LANGFUSE_S3_EVENT_UPLOAD_* and CLICKHOUSE_* with the web's.${health}`,
  )
}

function contentOf({ name, waiting, delayed, active, failed: given }: CanaryQueue): string {
  return `${name}: ${waiting} waiting, ${delayed} delayed for a retry, ${active} active, ${given} failed`
}

function healthOf({ probe }: Stack): string {
  const sick = probe.workers.known ? probe.workers.value.find(({ status }) => status !== 200) : undefined
  return sick === undefined
    ? ''
    : ` The worker's health endpoint ${sick.url} reports ${sick.status ?? sick.problem}.`
}

type Queues = { readonly list: readonly CanaryQueue[]; readonly source: string }

/** As they were at the canary's timeout; otherwise as the probe inside the VPC found them. */
function queuesOf({ queues }: Canary, { probe }: Stack): Queues | undefined {
  if (queues.known) return { list: queues.value, source: queues.source }
  if (!probe.valkey.known) return undefined
  const list = probe.valkey.value.queues
    .filter(({ name }) => name.includes('ingestion'))
    .map(({ name, waiting, active }) => ({ name, waiting, delayed: 0, active, failed: 0 }))
  return { list, source: probe.valkey.source }
}

function partsOf({ missing }: CanaryRead): string {
  if (missing.length === 0 || missing.includes('trace')) return 'it was'
  return `its ${missing.join(' and ')} ${missing.length === 1 ? 'was' : 'were'}`
}

function midnight({ heldBackMs }: Canary): string {
  if (heldBackMs === undefined) return ''
  return ` Around midnight UTC Langfuse delays events by ${seconds(heldBackMs)}; the wait includes this delay.`
}

/** What remains of this canary and of earlier ones: reported whatever the result is. */
function remains({ deletion, left, traceId, read }: Canary): string {
  const own =
    deletion.state === 'refused'
      ? ` Canary ${traceId} could not be deleted (${deletion.problem}). The next run tries again, or delete it in Langfuse.`
      : deletion.state === 'accepted' && read?.state !== 'seen'
        ? ` Its deletion is requested; the next run deletes what arrives later.`
        : ''
  if (!left.known || left.value.found === 0) return own
  const { found, deleted, problem } = left.value
  const more =
    found >= MANY_LEFT
      ? ' So many leftovers mean that the worker does not process deletions: check its log.'
      : ''
  const rest = deleted === found ? '' : ` and could not delete ${found - deleted} (${problem})`
  return `${own} Earlier runs left ${plural(found, 'canary', 'canaries')}; this run deleted ${deleted}${rest}.${more}`
}

function seconds(milliseconds: number): string {
  return `${Math.round(milliseconds / 100) / 10} s`
}
