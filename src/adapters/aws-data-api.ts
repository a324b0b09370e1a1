import { setInterval, setTimeout } from 'node:timers'
import type { RDSDataClient } from '@aws-sdk/client-rds-data'
import { Denied } from '../errors/denied.ts'
import { RolloutError } from '../errors/rollout-error.ts'
import type { DataApi, DataApiAddress } from '../ports/data-api.ts'
import { CallFailed, type Calls, openSession, SqlError, type Time } from './data-api-session.ts'
import { rowsOf } from './data-api-values.ts'
import { isAwsError, once } from './once.ts'

/** Aurora's Data API: https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/data-api.html */
export function dataApiAdapter(region: string, time: Time = realTime): DataApi {
  const sdk = once(async () => {
    const module = await import('./sdk/rds-data.ts')
    // A statement whose answer was lost may have been carried out: whether it is tried again is decided here.
    return { ...module, client: new module.RDSDataClient({ region, maxAttempts: 1 }) }
  })

  function callsTo(at: DataApiAddress): Calls {
    const given = { resourceArn: at.cluster, secretArn: at.secret }
    return {
      begin: () => beginTransaction(at, given),
      commit: transactionId => commitTransaction(at, { ...given, transactionId }),
      rollback: transactionId => rollbackTransaction(at, { ...given, transactionId }),
      execute: (sql, { transaction, texts = {} }) =>
        executeStatement(at, {
          ...given,
          sql,
          ...(transaction === undefined ? { database: at.database } : { transactionId: transaction }),
          parameters: Object.entries(texts).map(([name, stringValue]) => ({ name, value: { stringValue } })),
        }),
    }
  }

  async function beginTransaction(at: DataApiAddress, given: Given): Promise<string> {
    const { client, BeginTransactionCommand } = await sdk()
    const command = new BeginTransactionCommand({ ...given, database: at.database })
    // One whose answer was lost holds nothing, and is rolled back in three minutes.
    const { transactionId } = await called(at, time, 'harmless', () => client.send(command))
    return transactionId ?? ''
  }

  async function commitTransaction(at: DataApiAddress, given: InTransaction): Promise<void> {
    const { client, CommitTransactionCommand } = await sdk()
    await called(at, time, 'once', () => client.send(new CommitTransactionCommand(given)))
  }

  async function rollbackTransaction(at: DataApiAddress, given: InTransaction): Promise<void> {
    const { client, RollbackTransactionCommand } = await sdk()
    await called(at, time, 'harmless', () => client.send(new RollbackTransactionCommand(given)))
  }

  async function executeStatement(at: DataApiAddress, given: Parameters<Execute>[0]) {
    const { client, ExecuteStatementCommand } = await sdk()
    const command = new ExecuteStatementCommand({
      ...given,
      includeResultMetadata: true,
      continueAfterTimeout: true,
    })
    const { records = [], columnMetadata = [] } = await called(at, time, 'once', () => client.send(command))
    return rowsOf(columnMetadata, records)
  }

  return {
    postgres(at) {
      return {
        address: `Aurora's Data API (cluster ${at.name}, database ${at.database})`,
        connect: async () => openSession(callsTo(at), time, at.role === undefined ? {} : { role: at.role }),
      }
    },
  }
}

type Given = { readonly resourceArn: string; readonly secretArn: string }
type InTransaction = Given & { readonly transactionId: string }
type Execute = (given: {
  readonly resourceArn: string
  readonly secretArn: string
  readonly sql: string
  readonly database?: string
  readonly transactionId?: string
  readonly parameters: { name: string; value: { stringValue: string } }[]
}) => ReturnType<RDSDataClient['send']>

const realTime: Time = {
  sleep: ms => new Promise(resolve => setTimeout(resolve, ms)),
  every(ms, work) {
    const timer = setInterval(work, ms)
    timer.unref()
    return () => clearInterval(timer)
  },
}

/** About a minute in all: a cluster that had paused needs half of it to resume. */
const ATTEMPTS = 16
const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 5_000

/**
 * Makes a call, again where it was surely not carried out; a `harmless` one also where nobody knows.
 */
async function called<Answer>(
  at: DataApiAddress,
  time: Time,
  repeat: 'once' | 'harmless',
  call: () => Promise<Answer>,
): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call()
    } catch (error) {
      const again = wasNotBegun(error) || (repeat === 'harmless' && isUnsure(error))
      if (!again || attempt >= ATTEMPTS) throw meaningOf(error, at)
      const longest = Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 1), LONGEST_PAUSE_MS)
      await time.sleep(longest * (0.5 + 0.5 * Math.random()))
    }
  }
}

/** Refused before PostgreSQL was asked, and not for good. */
function wasNotBegun(error: unknown): boolean {
  return (
    isAwsError(
      error,
      'ThrottlingException',
      'Throttling',
      'TooManyRequestsException',
      'DatabaseResumingException',
      'ServiceUnavailableError',
    ) ||
    (error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED')
  )
}

/** No answer, or one of a service in trouble: what became of the call nobody knows. */
function isUnsure(error: unknown): boolean {
  const status = statusOf(error)
  return status === undefined || status >= 500
}

function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('$metadata' in error)) return undefined
  const { $metadata: metadata } = error
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return undefined
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined
}

function meaningOf(error: unknown, at: DataApiAddress): unknown {
  const message = error instanceof Error ? error.message : String(error)
  if (isAwsError(error, 'AccessDeniedException', 'ForbiddenException', 'AccessDenied')) {
    return new Denied(
      'rds-data:ExecuteStatement, BeginTransaction, CommitTransaction and RollbackTransaction on the Aurora cluster, and secretsmanager:GetSecretValue on its secret',
      error,
    )
  }
  if (isAwsError(error, 'StatementTimeoutException')) return new CallFailed('timed-out', message, error)
  if (isAwsError(error, 'TransactionNotFoundException')) return new CallFailed('gone', message, error)
  if (/Transaction is still running a query/i.test(message)) return new CallFailed('busy', message, error)
  if (isAwsError(error, 'DatabaseErrorException', 'BadRequestException') && /SQLState/.test(message)) {
    return sqlErrorOf(message)
  }
  const address = `Aurora's Data API of cluster ${at.name}`
  if (isUnsure(error)) return new CallFailed('unsure', `${address} did not answer a call`, error)
  return new RolloutError(`${address} refused a call: ${message}`, { cause: error })
}

/**
 * `ERROR: canceling statement due to lock timeout; SQLState: 55P03`, with Detail, Hint, Position and Where in between.
 * The detail holds values of rows, so it does not go into the message.
 */
function sqlErrorOf(text: string): SqlError {
  const [message = '', ...notes] = text.split(/[;\n]\s*(?=(?:Detail|Hint|Position|Where|SQLState):)/)
  const note = (name: string) =>
    notes
      .find(each => each.startsWith(`${name}:`))
      ?.slice(name.length + 1)
      .trim()
  const about = { code: note('SQLState')?.slice(0, 5), detail: note('Detail'), hint: note('Hint') }
  return new SqlError(message.replace(/^ERROR:\s*/, '').trim(), about)
}
