import * as Sdk from '@aws-sdk/client-cloudwatch-logs'
import type { Logs } from '../ports/cloud.ts'
import type { Cancel } from './cancel.ts'
import { allPages, cancelable, clientRetries, isAwsError } from './clients.ts'

export function logsAdapter(region: string, cancel?: Cancel): Logs {
  const client = cancelable(new Sdk.CloudWatchLogsClient({ region, ...clientRetries }), cancel)
  return {
    async tail(group, stream, lines) {
      return orNothing(async () => {
        const answer = await client.send(
          new Sdk.GetLogEventsCommand({
            logGroupName: group,
            logStreamName: stream,
            limit: lines,
            startFromHead: false,
          }),
        )
        return (answer.events ?? []).map(event => event.message ?? '')
      })
    },
    async recent(group, since, lines) {
      return orNothing(async () => {
        const events = await allPages(async nextToken => {
          const page = await client.send(
            new Sdk.FilterLogEventsCommand({ logGroupName: group, startTime: since, nextToken }),
          )
          return { items: page.events ?? [], next: page.nextToken }
        })
        return events.slice(-lines).map(event => event.message ?? '')
      })
    },
    async follow(group, stream, position, most = Number.POSITIVE_INFINITY) {
      const lines: string[] = []
      let next = position
      let size = 0
      try {
        // A repeated token marks the end of a stream; an empty page does not.
        for (let before: string | undefined = '-'; before !== next && size < most; ) {
          before = next
          const answer = await client.send(
            new Sdk.GetLogEventsCommand({
              logGroupName: group,
              logStreamName: stream,
              startFromHead: true,
              ...(next !== undefined && { nextToken: next }),
            }),
          )
          for (const { message = '' } of answer.events ?? []) {
            lines.push(message)
            size += message.length
          }
          next = answer.nextForwardToken
        }
      } catch (error) {
        if (isAwsError(error, 'AccessDeniedException')) return { lines, position: next, denied: true }
        if (!isAwsError(error, 'ResourceNotFoundException')) throw error
      }
      return { lines, position: next }
    },
  }
}

/** Log lines are optional evidence: a missing stream or permission gives no lines. */
async function orNothing(read: () => Promise<readonly string[]>): Promise<readonly string[]> {
  try {
    return await read()
  } catch (error) {
    if (isAwsError(error, 'ResourceNotFoundException', 'AccessDeniedException')) return []
    throw error
  }
}
