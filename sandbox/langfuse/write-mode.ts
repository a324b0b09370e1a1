import { flagDefault, PREVIEW, readsV4Flags, WRITE_MODE } from '../../src/release/v4-flags.ts'
import { type Environment, setVariable } from './environment.ts'

/** Which tables a release writes and reads: LANGFUSE_MIGRATION_V4_WRITE_MODE, whose default flipped at v4.0.0. */
export function writeMode(env: Environment, release: string): 'legacy' | 'dual' | 'events_only' {
  const told = readsV4Flags(release) ? flag(env, release, WRITE_MODE.name) : 'legacy'
  return told === 'dual' || told === 'events_only' ? told : 'legacy'
}

/** Whether the API of v4's own tables is there. */
export function hasPreview(env: Environment, release: string): boolean {
  return readsV4Flags(release) && flag(env, release, PREVIEW.name) === 'true'
}

function flag(env: Environment, release: string, name: string): string | undefined {
  return setVariable(env, name) ?? flagDefault(name, release)
}
