import type { Canary, CanaryQueue, CanaryRead } from '../stack/canary.ts'
import type { Stack } from '../stack/stack.ts'
import type { Check, Finding } from './check.ts'
import { failed, inconclusive, passed, skipped, warning } from './check.ts'

/** A trace goes in as a client's does, comes out again, and is deleted; when it does not, at which hop it stayed. */
export const canary = {
  id: 'canary',
  title: 'A trace goes in and can be read back',
  group: 'public',
  needs: ['canary'],
  settles: false,
  about: ['web', 'valkey', 'worker', 'clickhouse'],
  run({ stack, canary: seen }) {
    if (seen === undefined) return skipped('No canary trace was written.')
    if (!seen.known)
      return seen.because === 'not-asked' ? skipped(`${seen.reason}.`) : inconclusive(`${seen.reason}.`)
    const finding = evaluate(seen.value, stack)
    return { ...finding, sentence: `${finding.sentence}${remains(seen.value)}` }
  },
} as const satisfies Check

/** Everything along the way of a trace, in one array for the list of checks. */
export const CANARY_CHECKS = [canary] as const

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
        `The canary could not be written: ${seen.address} did not answer (${write.problem}). Look at the web's log, and at input \`url\`.`,
      ),
    )
  if (read.state === 'refused') return at(['web'], unreadable(seen, read))
  return lost(seen, read, stack)
}

const at = (about: NonNullable<Finding['about']>, finding: Finding): Finding => ({ ...finding, about })

function arrived(seen: Canary, read: CanaryRead): Finding {
  const { route, deletion, left } = seen
  const how =
    route.path === 'otel'
      ? 'A span by OTLP, the one way into the mode `events_only` (older clients are refused with 400 inside a 207),'
      : 'A trace with an observation and a score'
  const sentence = `${how} could be read back after ${seconds(read.milliseconds)}, so web, S3, Valkey, worker and ClickHouse pass it on.`
  if (deletion.state === 'refused') return warning(sentence)
  const stuck = left.known && left.value.found >= MANY_LEFT
  return stuck ? warning(sentence) : passed(sentence)
}

/** One that is left is a run that was killed; so many are deletions that Langfuse takes and does not carry out. */
const MANY_LEFT = 5

/** The first hop: what the web answered to the write. */
function refused({ address, route }: Canary, status: number, problem: string): Finding {
  const answer = problem === '' ? `${status}` : `${status}: ${problem}`
  if (status === 401 || status === 403)
    return failed(
      `The web did not accept the canary (${answer}): \`langfuse-public-key\` and \`langfuse-secret-key\` are not a valid pair of one project of ${address}, or SALT has changed since they were made. Write a project's keys (not an organization's).`,
    )
  if (problem.includes('events_only'))
    return failed(
      `The web refused the canary event by event (${answer}) although its settings say \`${route.mode}\`: what clients before v4 send is lost the same way, and they see no error. Set LANGFUSE_MIGRATION_V4_WRITE_MODE to \`dual\` on web and worker and deploy both, so that what runs is what is set; or move the clients to v4.`,
    )
  if (/blob storage|S3|AccessDenied|PermanentRedirect|NoSuchBucket/i.test(problem))
    return failed(
      `The web could not store the canary in S3 (${answer}), and loses every trace the same way: check LANGFUSE_S3_EVENT_UPLOAD_BUCKET, _REGION (the bucket's own, not \`auto\`) and _ENDPOINT, and that the web's role may put objects there.`,
    )
  if (
    /redis|valkey|OOM|READONLY|NOAUTH|WRONGPASS|ECONN|ETIMEDOUT|queue|connection (is|was) closed/i.test(
      problem,
    )
  )
    return failed(
      `The web stored the canary in S3 and could not queue it (${answer}): look at check \`valkey\`, REDIS_HOST and REDIS_AUTH of the web, and the security group of port 6379.`,
    )
  if (status === 404)
    return failed(
      `${address} does not know the API for traces (${answer}): check input \`url\`, and whether something in front of Langfuse hides /api/public.`,
    )
  if (status === 429)
    return inconclusive(`The web takes no more at the moment (${answer}), so nothing could be tried.`)
  if (status < 500)
    return failed(
      `The web refused the canary (${answer}): check input \`url\` and what stands in front of it.`,
    )
  return failed(
    `The web did not accept the canary (${answer}), nor anybody else's traces: its log says why; S3 and Valkey are what it needs for that.`,
  )
}

/** It was taken, and the answer to reading says that looking on is no use. */
function unreadable({ route }: Canary, { last }: CanaryRead): Finding {
  if (/^40[13]/.test(last))
    return failed(`The web took the canary and does not let it be read (${last}): the key may only write.`)
  if (route.path === 'otel')
    return failed(
      `The web took the canary and has no API to read it (${last}): in the mode \`events_only\` LANGFUSE_MIGRATION_V4_ALLOW_PREVIEW_OPT_IN must be \`true\` on web and worker.`,
    )
  return failed(
    `The web took the canary and has no API to read it (${last}): it runs in another mode than \`${route.mode}\`, which its settings say. Deploy the web again, so that what runs is what is set.`,
  )
}

/** Accepted and not shown in time: as far down the way as evidence goes. */
function lost(seen: Canary, read: CanaryRead, stack: Stack): Finding {
  const waited = `was accepted, and ${partsOf(read)} not there after ${seconds(read.milliseconds)} (last answer ${read.last})${midnight(seen)}`
  if (seen.rows.known && seen.rows.value > 0 && read.missing.includes('trace')) {
    return at(
      ['web', 'clickhouse'],
      failed(
        `The canary ${waited}, but it is in ClickHouse (${seen.rows.source}): the web reads another one than the worker writes, or cannot read. Compare CLICKHOUSE_URL, CLICKHOUSE_DB and CLICKHOUSE_READ_ONLY_URL of both.`,
      ),
    )
  }
  if (stack.worker.tasks.length === 0) {
    return at(
      ['worker'],
      failed(
        `The canary ${waited}: no task of the worker runs, so what the web takes waits in Valkey until it is full. Start ${stack.worker.service.name} again (its desired count is ${stack.worker.service.desiredCount}).`,
      ),
    )
  }
  const queues = queuesOf(seen, stack)
  if (queues === undefined) {
    return at(
      ['worker'],
      failed(
        `The canary ${waited}: it stayed between Valkey and ClickHouse. Nobody looked into Valkey, so that is as far as can be seen; read the worker's log, and give \`redis-url\` and \`clickhouse-url\` to see more.`,
      ),
    )
  }
  return at(['worker', 'valkey', 'clickhouse'], inQueues(waited, queues, seen, stack))
}

function inQueues(waited: string, { list, source }: Queues, seen: Canary, stack: Stack): Finding {
  const held = list.filter(queue => queue.waiting + queue.delayed + queue.active + queue.failed > 0)
  const contents = `${held.length === 0 ? 'no queue holds anything' : held.map(contentOf).join('; ')} at ${source}`
  const health = healthOf(stack)
  if (held.some(queue => queue.waiting > 0)) {
    return failed(
      `The canary ${waited}: it is queued and not taken (${contents}). The worker has stopped its queues although its task runs, or has more than it can do: read its log, force a new deployment of it, and see that Valkey's policy is noeviction.${health}`,
    )
  }
  if (held.some(queue => queue.delayed > 0)) {
    return failed(
      `The canary ${waited}: the worker takes it and puts it back to try again (${contents}). It cannot read the event from S3 or write it to ClickHouse: its log says which; compare LANGFUSE_S3_EVENT_UPLOAD_* and CLICKHOUSE_* with the web's, and look at the checks of ClickHouse.${health}`,
    )
  }
  const rows = seen.rows.known ? ` and ClickHouse (${seen.rows.source}) has no row of it` : ''
  return failed(
    `The canary ${waited}: the worker took it (${contents})${rows}. It gave it up, because it could not read the event from S3 or write it to ClickHouse: its log says which; compare LANGFUSE_S3_EVENT_UPLOAD_* and CLICKHOUSE_* with the web's.${health}`,
  )
}

function contentOf({ name, waiting, delayed, active, failed: given }: CanaryQueue): string {
  return `${name}: ${waiting} wait, ${delayed} wait for another try, ${active} at work, ${given} failed`
}

function healthOf({ probe }: Stack): string {
  const sick = probe.workers.known ? probe.workers.value.find(({ status }) => status !== 200) : undefined
  return sick === undefined ? '' : ` The worker's own health is ${sick.status ?? sick.problem} (${sick.url}).`
}

type Queues = { readonly list: readonly CanaryQueue[]; readonly source: string }

/** As they were when the canary was given up; else as the look from inside found them. */
function queuesOf({ queues }: Canary, { probe }: Stack): Queues | undefined {
  if (queues.known) return { list: queues.value, source: queues.source }
  if (!probe.valkey.known) return undefined
  const list = probe.valkey.value.queues
    .filter(({ name }) => name.includes('ingestion'))
    .map(({ name, waiting, active }) => ({ name, waiting, delayed: 0, active, failed: 0 }))
  return { list, source: probe.valkey.source }
}

function partsOf({ missing }: CanaryRead): string {
  if (missing.length === 0 || missing.includes('trace')) return 'it is'
  return `its ${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'}`
}

function midnight({ heldBackMs }: Canary): string {
  if (heldBackMs === undefined) return ''
  return `; around midnight UTC Langfuse holds events back for ${seconds(heldBackMs)}, and so much longer was waited`
}

/** What is still there of it, and of those before: always said, whatever came of the canary. */
function remains({ deletion, left, traceId, read }: Canary): string {
  const own =
    deletion.state === 'refused'
      ? ` Canary ${traceId} could not be deleted (${deletion.problem}): the next run tries again, or delete it in Langfuse.`
      : deletion.state === 'accepted' && read?.state !== 'seen'
        ? ` Its deletion is ordered; what arrives of it later, the next run deletes.`
        : ''
  if (!left.known || left.value.found === 0) return own
  const { found, deleted, problem } = left.value
  const more =
    found >= MANY_LEFT
      ? ' So many mean that Langfuse takes deletions and the worker does not carry them out.'
      : ''
  const rest = deleted === found ? '' : `, ${found - deleted} could not be (${problem})`
  return `${own} Of ${found} canaries that earlier runs left, ${deleted} are deleted now${rest}.${more}`
}

function seconds(milliseconds: number): string {
  return `${Math.round(milliseconds / 100) / 10} s`
}
