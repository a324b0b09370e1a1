import { AwsError } from './errors.ts'
import { arn } from './ids.ts'

/** CloudWatch Logs: groups, streams, lines. */
export function makeLogs(now: () => Date): Logs {
  const groups = new Map<string, LogGroup>()
  let count = 0
  const createGroup = (name: string) => {
    const existing = groups.get(name)
    if (existing) return existing
    const made: LogGroup = {
      name,
      arn: arn('logs', `log-group:${name}`),
      createdAt: now(),
      streams: new Map(),
    }
    groups.set(name, made)
    return made
  }
  const append = (group: string, stream: string, message: string) => {
    const { streams } = createGroup(group)
    const lines = streams.get(stream) ?? { name: stream, createdAt: now(), events: [] }
    streams.set(stream, lines)
    lines.events.push({ id: String(++count).padStart(56, '3'), at: now().getTime(), message })
  }
  return { groups, createGroup, append, text: (group, stream) => textOf(groups, group, stream) }
}

export type LogEvent = { readonly id: string; readonly at: number; readonly message: string }
export type LogStream = { readonly name: string; readonly createdAt: Date; readonly events: LogEvent[] }
export type LogGroup = {
  readonly name: string
  readonly arn: string
  readonly createdAt: Date
  readonly streams: Map<string, LogStream>
}

export type Logs = {
  readonly groups: ReadonlyMap<string, LogGroup>
  createGroup(name: string): LogGroup
  append(group: string, stream: string, message: string): void
  /** Everything in the streams whose name begins so, for tests and for people. */
  text(group: string, streamPrefix?: string): string
}

export function groupOf(logs: Logs, name: string): LogGroup {
  const group = logs.groups.get(name)
  if (group) return group
  throw new AwsError('ResourceNotFoundException', 'The specified log group does not exist.')
}

function textOf(groups: ReadonlyMap<string, LogGroup>, group: string, prefix = ''): string {
  return [...(groups.get(group)?.streams.values() ?? [])]
    .filter(stream => stream.name.startsWith(prefix))
    .flatMap(stream => stream.events.map(event => event.message))
    .join('\n')
}
