/** The root (`.`) and what of a ClickHouse stands in it, with its owners. */
export type MountedFiles = {
  readonly entries: readonly MountedFile[]
  /** All that stand in the root. */
  readonly count: number
  /** Bytes. */
  readonly free: number
}

export type MountedFile = {
  readonly name: string
  readonly uid: number
  readonly gid: number
  /** Permission bits. */
  readonly mode: number
}
