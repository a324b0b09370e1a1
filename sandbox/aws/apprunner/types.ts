import type { PortProxy } from '../../vpc/proxy.ts'
import type { JsonObject } from '../json.ts'
import type { Running } from '../runtime/program.ts'

/** Top-level members as they were given; UpdateService replaces each one it is given as a whole. */
export type Configuration = JsonObject

export type AppRunnerService = {
  readonly arn: string
  readonly id: string
  readonly name: string
  readonly url: string
  readonly createdAt: Date
  readonly encryption: unknown
  /** The stable loopback port for people; the current instance answers behind it. */
  readonly endpoint: PortProxy
  status: 'RUNNING' | 'PAUSED' | 'OPERATION_IN_PROGRESS' | 'CREATE_FAILED'
  updatedAt: Date
  configuration: Configuration
  /** Newest first. */
  operations: AppRunnerOperation[]
  instance: Instance | undefined
  /** How its next failing deployment ends, when not by going back. */
  nextFailure: 'failed' | 'rollback-failed' | undefined
}

export type OperationType =
  | 'START_DEPLOYMENT'
  | 'CREATE_SERVICE'
  | 'PAUSE_SERVICE'
  | 'RESUME_SERVICE'
  | 'UPDATE_SERVICE'

export type AppRunnerOperation = {
  readonly id: string
  readonly type: OperationType
  readonly startedAt: Date
  updatedAt: Date
  endedAt: Date | undefined
  status:
    | 'PENDING'
    | 'IN_PROGRESS'
    | 'FAILED'
    | 'SUCCEEDED'
    | 'ROLLBACK_IN_PROGRESS'
    | 'ROLLBACK_FAILED'
    | 'ROLLBACK_SUCCEEDED'
}

export type Instance = {
  readonly id: string
  readonly running: Running
  readonly port: number
}
