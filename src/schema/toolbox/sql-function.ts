/** A PL/pgSQL function of the schema `langfuse_rollout`. */
export type SqlFunction = {
  readonly signature: string
  readonly returns: string
  readonly comment: string
  readonly body: string
}
