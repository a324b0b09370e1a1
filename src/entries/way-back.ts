import { explain } from '../errors/explain.ts'
import type { Plan } from '../plan/plan.ts'
import type { Postgres, PostgresSession } from '../ports/databases.ts'
import type { ReleaseFacts } from '../release/facts.ts'
import { withUnreviewed } from '../release/unreviewed.ts'
import {
  forgetPicture,
  generatedStoreSql,
  readPicture,
  writeGenerated,
  writePicture,
} from '../schema/generated-store.ts'
import { type Picture, takePicture } from '../schema/picture.ts'
import { generateWayBack } from '../schema/way-back.ts'
import type { Stack } from '../stack/stack.ts'
import type { Connections, Ports } from './ports.ts'

type Given = Pick<Connections, 'postgres'>

/** The same ports, whose facts have down SQL also for what only this database has seen. */
export function withWayBack<Some extends Pick<Ports, 'facts'>>(
  ports: Some,
  { postgres }: Pick<Stack, 'postgres'>,
): Some {
  const kept = postgres.known ? (postgres.value.generated ?? []) : []
  return { ...ports, facts: withUnreviewed(ports.facts, kept) }
}

/**
 * Before a deploy that brings migrations which nobody has reviewed: takes the picture that their undo is made from, and
 * leaves it in the database, since this run may not live to see the end.
 * @returns warnings; a picture that cannot be taken is no reason not to deploy
 */
export async function beforeMigrating(
  plan: Plan,
  stack: Pick<Stack, 'postgres'>,
  { postgres }: Given,
  { facts }: Pick<Ports, 'facts'>,
): Promise<readonly string[]> {
  if (
    postgres === undefined ||
    !stack.postgres.known ||
    !bringsUnreviewed(plan, stack.postgres.value.migrations, facts)
  ) {
    return []
  }
  return inSession(postgres, async run => {
    const now = await takePicture(run)
    const earlier = await readPicture(run)
    if (earlier === undefined || !isBeginning(earlier, now, facts)) await writePicture(run, now)
  })
}

/** After it: whatever has been applied since the picture and has no reviewed down SQL gets a generated one. */
export async function afterMigrating(
  { postgres }: Given,
  { facts }: Pick<Ports, 'facts'>,
): Promise<readonly string[]> {
  if (postgres === undefined) return []
  return inSession(postgres, async run => {
    const before = await readPicture(run)
    if (before === undefined) return
    const generated = generateWayBack(before, await takePicture(run), facts)
    if (generated.length === 0) return
    await run(generatedStoreSql)
    await writeGenerated(run, generated)
    await forgetPicture(run)
  })
}

function bringsUnreviewed(
  { to }: Plan,
  present: readonly { readonly name: string }[],
  facts: ReleaseFacts,
): boolean {
  if (facts.release(to) === undefined) return true
  const names = new Set(present.map(({ name }) => name))
  return facts
    .postgresMigrations(to)
    .some(({ name }) => !names.has(name) && facts.downSql('postgres', name) === undefined)
}

/** Whether an earlier run was killed between its picture and its end. */
function isBeginning(earlier: Picture, now: Picture, facts: ReleaseFacts): boolean {
  const applied = new Set(now.applied)
  const isPart = earlier.applied.every(name => applied.has(name))
  const before = new Set(earlier.applied)
  return (
    isPart && now.applied.some(name => !before.has(name) && facts.downSql('postgres', name) === undefined)
  )
}

async function inSession(
  postgres: Postgres,
  work: (run: PostgresSession['run']) => Promise<void>,
): Promise<readonly string[]> {
  try {
    const session = await postgres.connect()
    try {
      await work((sql, parameters) => session.run(sql, parameters))
      return []
    } finally {
      await session.close()
    }
  } catch (error) {
    return [
      `The way back over migrations that this version does not know could not be prepared: ${explain(error)}. Going back needs the snapshot, or a newer version of this action.`,
    ]
  }
}
