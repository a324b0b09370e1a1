/**
 * What the scheduler does next for a service: how many tasks of the primary deployment to start and which to stop.
 * Bounds as in ECS: minimum rounds up, maximum rounds down; tasks of which the containers still run count.
 */
export function nextMoves(view: RolloutView): Moves {
  const bounds = boundsOf(view)
  const surplus = surplusOfPrimary(view)
  const wanted = view.mayStart ? Math.max(0, view.desired - view.primary.length) : 0
  const live = view.primary.length + view.older.length + view.ending
  const room = Math.max(0, bounds.maximum - live)
  const start = Math.min(wanted, room)
  const stop = [...surplus, ...olderToStop(view, bounds, wanted - start)]
  return { start, stop }
}

export type RolloutView = {
  readonly desired: number
  readonly minimumHealthyPercent: number
  readonly maximumPercent: number
  /** Tasks that are to run, of the primary deployment and of all others, oldest first. */
  readonly primary: readonly TaskView[]
  readonly older: readonly TaskView[]
  /** Tasks that were told to stop and whose containers still run. */
  readonly ending: number
  /** False when the deployment failed, or while ECS waits after failed tasks. */
  readonly mayStart: boolean
}

export type TaskView = { readonly id: string; readonly healthy: boolean }
export type Moves = { readonly start: number; readonly stop: readonly string[] }

export function boundsOf(view: Pick<RolloutView, 'desired' | 'minimumHealthyPercent' | 'maximumPercent'>) {
  return {
    minimum: Math.ceil((view.desired * view.minimumHealthyPercent) / 100),
    maximum: Math.floor((view.desired * view.maximumPercent) / 100),
  }
}

function surplusOfPrimary(view: RolloutView): readonly string[] {
  const count = Math.max(0, view.primary.length - view.desired)
  return [...view.primary]
    .sort((a, b) => Number(a.healthy) - Number(b.healthy))
    .slice(0, count)
    .map(task => task.id)
}

/** Older tasks go when the service has more healthy ones than it wants, or to make room for new ones. */
function olderToStop(view: RolloutView, bounds: { minimum: number; maximum: number }, withoutRoom: number) {
  const unhealthyFirst = [...view.older].sort((a, b) => Number(a.healthy) - Number(b.healthy))
  const healthy = [...view.primary, ...view.older].filter(task => task.healthy).length
  const makeRoom = Math.max(0, withoutRoom - view.ending)
  const replaced = Math.max(
    0,
    view.primary.filter(task => task.healthy).length + view.older.length - view.desired,
  )
  let spare = healthy - bounds.minimum
  let count = Math.max(makeRoom, replaced)
  const stop: string[] = []
  for (const task of unhealthyFirst) {
    if (count <= 0 || (task.healthy && spare <= 0)) continue
    if (task.healthy) spare -= 1
    count -= 1
    stop.push(task.id)
  }
  return stop
}
