import type { Postgres } from './databases.ts'

/** Aurora's Data API: PostgreSQL by calls to AWS, from anywhere. What IAM forbids is thrown as `Denied`. */
export type DataApi = {
  postgres(at: DataApiAddress): Postgres
}

export type DataApiAddress = {
  /** Name of the Aurora cluster, for messages. */
  readonly name: string
  /** ARNs of the cluster and of the secret with its user and password. */
  readonly cluster: string
  readonly secret: string
  readonly database: string
  /** The role that owns Langfuse's tables, where it is another than the secret's. */
  readonly role?: string | undefined
}
