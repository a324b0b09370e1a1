export type Environment = Readonly<Record<string, string | undefined>>

/** What a shell's `[ -n "$NAME" ]` and zod's removeEmptyEnvVariables agree on: an empty variable is not set. */
export function setVariable(env: Environment, name: string): string | undefined {
  const value = env[name]
  return value === undefined || value === '' ? undefined : value
}

/**
 * DATABASE_URL as the entrypoints of web and worker find it: given, or put together from four parts.
 * Undefined when neither is complete.
 */
export function databaseUrl(env: Environment): string | undefined {
  const given = setVariable(env, 'DATABASE_URL')
  if (given !== undefined) return given
  const part = (name: string) => setVariable(env, `DATABASE_${name}`)
  const parts = { host: part('HOST'), user: part('USERNAME'), password: part('PASSWORD'), name: part('NAME') }
  if (Object.values(parts).includes(undefined)) return undefined
  return `postgresql://${parts.user}:${parts.password}@${parts.host}/${parts.name}`
}

/** The sentence that both entrypoints print before exit 1. */
export const databaseUrlMissing =
  'Error: Required database environment variables are not set. Provide a postgres url for DATABASE_URL.'

/** Is a release such as 3.0.0 at least another one? Only the three numbers count. */
export function atLeast(release: string, other: string): boolean {
  const mine = numbers(release)
  const theirs = numbers(other)
  const difference = [0, 1, 2].map(each => (mine[each] ?? 0) - (theirs[each] ?? 0)).find(each => each !== 0)
  return (difference ?? 0) >= 0
}

/** SANDBOX_RELEASE: the release of the image that this process stands for. */
export function releaseOf(env: Environment): string {
  const release = setVariable(env, 'SANDBOX_RELEASE')
  if (release === undefined)
    throw new Error('SANDBOX_RELEASE is not set: which image does this process stand for?')
  return release
}

function numbers(release: string): readonly number[] {
  return (release.split('-')[0] ?? '').split('.').map(Number)
}
