import { AwsError } from './errors.ts'
import { type JsonObject, type Reader, reader } from './json.ts'
import { groupOf, type LogEvent, type LogGroup, type LogStream, type Logs } from './logs.ts'
import { page } from './paging.ts'
import type { Operations } from './server.ts'

export function logsOperations(logs: Logs): Operations {
  return {
    DescribeLogGroups: input => describeLogGroups(logs, reader(input)),
    DescribeLogStreams: input => describeLogStreams(logs, reader(input)),
    GetLogEvents: input => getLogEvents(logs, reader(input)),
    FilterLogEvents: input => filterLogEvents(logs, reader(input)),
  }
}

const INVALID = 'InvalidParameterException'

function describeLogGroups(logs: Logs, read: Reader): JsonObject {
  const prefix = read.text('logGroupNamePrefix') ?? ''
  const groups = [...logs.groups.values()].filter(group => group.name.startsWith(prefix))
  const { items, next } = page(groups, { ...paging(read), limit: 50 })
  return { logGroups: items.map(groupAnswer), nextToken: next }
}

function describeLogStreams(logs: Logs, read: Reader): JsonObject {
  const group = groupAsked(logs, read)
  const prefix = read.text('logStreamNamePrefix') ?? ''
  const byTime = read.text('orderBy') === 'LastEventTime'
  const streams = [...group.streams.values()]
    .filter(stream => stream.name.startsWith(prefix))
    .sort((a, b) => (byTime ? lastAt(a) - lastAt(b) : a.name < b.name ? -1 : 1))
  if (read.flag('descending')) streams.reverse()
  const { items, next } = page(streams, { ...paging(read), limit: 50 })
  return { logStreams: items.map(stream => streamAnswer(group, stream)), nextToken: next }
}

/** At the end of a stream the token that is answered is the one that was sent. */
function getLogEvents(logs: Logs, read: Reader): JsonObject {
  const stream = streamAsked(groupAsked(logs, read), read.needText('logStreamName'))
  const events = between(stream.events, read)
  const limit = Math.min(read.number('limit') ?? 10_000, 10_000)
  const token = read.text('nextToken')
  const [from, to] = range({
    token,
    fromHead: read.flag('startFromHead') ?? false,
    limit,
    count: events.length,
  })
  return {
    events: events.slice(from, to).map(eventAnswer),
    nextForwardToken: forwardToken(to),
    nextBackwardToken: backwardToken(from),
  }
}

function range(asked: {
  token: string | undefined
  fromHead: boolean
  limit: number
  count: number
}): [number, number] {
  const { token, limit, count } = asked
  if (token === undefined)
    return asked.fromHead ? [0, Math.min(limit, count)] : [Math.max(0, count - limit), count]
  const match = /^([fb])\/(\d+)\/s$/.exec(token)
  if (!match) throw new AwsError(INVALID, 'The specified nextToken is invalid.')
  const at = Number(match[2])
  return match[1] === 'f' ? [at, Math.max(at, Math.min(at + limit, count))] : [Math.max(0, at - limit), at]
}

const forwardToken = (at: number) => `f/${String(at).padStart(56, '0')}/s`
const backwardToken = (at: number) => `b/${String(at).padStart(56, '0')}/s`

function filterLogEvents(logs: Logs, read: Reader): JsonObject {
  const group = groupAsked(logs, read)
  const names = read.texts('logStreamNames')
  const prefix = read.text('logStreamNamePrefix') ?? ''
  const matches = pattern(read.text('filterPattern') ?? '')
  const found = [...group.streams.values()]
    .filter(stream => (names.length === 0 || names.includes(stream.name)) && stream.name.startsWith(prefix))
    .flatMap(stream => between(stream.events, read).map(event => ({ stream, event })))
    .filter(({ event }) => matches(event.message))
    .sort((a, b) => a.event.at - b.event.at)
  const { items, next } = page(found, { ...paging(read), limit: 10_000 })
  return {
    events: items.map(({ stream, event }) => ({
      logStreamName: stream.name,
      ...eventAnswer(event),
      eventId: event.id,
    })),
    searchedLogStreams: [],
    nextToken: next,
  }
}

/** The plain part of filter patterns: every term or "quoted phrase" has to occur; of ?terms, one. */
function pattern(text: string): (message: string) => boolean {
  const terms = [...text.matchAll(/(\?)?(?:"([^"]*)"|(\S+))/g)].map(m => ({
    optional: m[1] === '?',
    text: m[2] ?? m[3] ?? '',
  }))
  const optional = terms.filter(term => term.optional)
  const needed = terms.filter(term => !term.optional)
  return message =>
    needed.every(term => message.includes(term.text)) &&
    (optional.length === 0 || optional.some(term => message.includes(term.text)))
}

function between(events: readonly LogEvent[], read: Reader): readonly LogEvent[] {
  const start = read.number('startTime') ?? 0
  const end = read.number('endTime') ?? Number.POSITIVE_INFINITY
  return events.filter(event => event.at >= start && event.at < end)
}

function groupAsked(logs: Logs, read: Reader): LogGroup {
  const identifier = read.text('logGroupIdentifier')?.replace(/^arn:aws:logs:[^:]*:[^:]*:log-group:/, '')
  return groupOf(logs, identifier ?? read.needText('logGroupName'))
}

function streamAsked(group: LogGroup, name: string): LogStream {
  const stream = group.streams.get(name)
  if (stream) return stream
  throw new AwsError('ResourceNotFoundException', 'The specified log stream does not exist.')
}

const paging = (read: Reader) => ({
  token: read.text('nextToken'),
  size: read.number('limit'),
  invalid: INVALID,
})

const lastAt = (stream: LogStream) => stream.events.at(-1)?.at ?? 0

const eventAnswer = (event: LogEvent) => ({
  timestamp: event.at,
  message: event.message,
  ingestionTime: event.at,
})

const groupAnswer = (group: LogGroup) => ({
  logGroupName: group.name,
  creationTime: group.createdAt.getTime(),
  retentionInDays: 3,
  metricFilterCount: 0,
  arn: `${group.arn}:*`,
  storedBytes: 0,
  logGroupClass: 'STANDARD',
  logGroupArn: group.arn,
})

const streamAnswer = (group: LogGroup, stream: LogStream) => ({
  logStreamName: stream.name,
  creationTime: stream.createdAt.getTime(),
  firstEventTimestamp: stream.events[0]?.at,
  lastEventTimestamp: stream.events.at(-1)?.at,
  lastIngestionTime: stream.events.at(-1)?.at,
  arn: `${group.arn}:log-stream:${stream.name}`,
  storedBytes: 0,
})
