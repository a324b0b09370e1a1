/** The resolver of the place where this process runs. */
export type Names = {
  /** All addresses of a name; throws when it has none. */
  resolve(name: string): Promise<readonly string[]>
}
