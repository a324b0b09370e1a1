import { byHand } from './hostile/by-hand.ts'
import { duplicates } from './hostile/duplicates.ts'
import { labels } from './hostile/labels.ts'
import { meanings } from './hostile/meanings.ts'
import { nulls } from './hostile/nulls.ts'
import { orphans } from './hostile/orphans.ts'
import { values } from './hostile/values.ts'
import type { Threat } from './threat.ts'

/** The hostile rows: what an undo must cope with, each by the migration whose undo it threatens. */
export const hostile: readonly Threat[] = [
  ...labels,
  ...nulls,
  ...duplicates,
  ...orphans,
  ...meanings,
  ...values,
  ...byHand,
]

export { byHandStart } from './hostile/by-hand.ts'
export { ownObjects } from './hostile/own-objects.ts'
