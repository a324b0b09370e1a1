import type { CheckId } from '../../src/checks/run.ts'
import { HAND_MADE } from '../scenario/drift-changes.ts'
import { type Expected, type Fault, type FaultStage, swap } from './fault.ts'

const INPUTS = { baseline: 'record' }

/**
 * What must be otherwise than it was deployed, and the checks that see the same with their own eyes. The stage has been
 * deployed before: only then is there something to compare with.
 */
const ALSO: Readonly<Record<string, readonly CheckId[]>> = {
  'the tag of the release is pushed again with other content': ['image-tags'],
  // The first of the web's variables is one that the worker has as well.
  'a variable of the web is taken away': ['environment-pairs'],
  // The second task is not there yet.
  'the worker is scaled': ['worker-steady'],
  'ClickHouse is given 100 and 200 percent again': ['clickhouse-single-writer', 'clickhouse-placement'],
  "App Runner's health check becomes one of the other kind": ['web-health-check'],
  'automatic deployments are turned the other way': ['automatic-deployments'],
  'the head of the ClickHouse migrations is set back by hand': ['clickhouse-schema'],
  // Nothing lets a group in that there is not.
  "the worker's security groups are changed": ['path-to-clickhouse', 'path-to-postgres', 'path-to-valkey'],
  // What it makes nobody knows.
  'a Postgres migration is added that nobody deployed': ['postgres-migrations', 'postgres-schema'],
}

export const DRIFT_FAULTS: readonly Fault[] = [
  ...HAND_MADE.map(
    ({ name, change, says }): Fault => ({
      name,
      put: ({ stage, release }) => change(stage, release),
      inputs: INPUTS,
      expects: [{ check: 'drift', state: 'failed', says }],
      also: ALSO[name] ?? [],
    }),
  ),
  ...evidence(),
]

/** Without what was deployed nothing is called as it should be. */
function evidence(): readonly Fault[] {
  return [
    {
      name: 'the token may not read deployments',
      put: async ({ stage }) => swap(stage.github.refuses, { deployments: true }),
      ...seen('inconclusive', /could not be read .*`permissions: deployments: read`/),
    },
    {
      name: 'the records of deployments are gone',
      put: async ({ stage }) => {
        const all = stage.github.all.splice(0)
        return async () => void stage.github.all.push(...all)
      },
      ...seen('inconclusive', /no deploy has recorded a baseline yet.*: run the deploy action once/),
    },
    {
      name: 'the baseline is that of another stack',
      put: async stage => changeBaseline(stage, { stack: 'another/stack' }),
      ...seen(
        'inconclusive',
        /belongs to another stack \(another\/stack\): give each stack its own `environment`/,
      ),
    },
    {
      name: 'the baseline is garbage',
      put: async stage => changeBaseline(stage, { fingerprint: 'garbage' }),
      ...seen('inconclusive', /no deploy has recorded a baseline yet/),
    },
  ]
}

function seen(state: Expected['state'], says: RegExp): Pick<Fault, 'inputs' | 'expects'> {
  return { inputs: INPUTS, expects: [{ check: 'drift', state, says }] }
}

async function changeBaseline({ stage }: FaultStage, change: object): Promise<() => Promise<void>> {
  const index = stage.github.all.findIndex(({ task }) => task.endsWith(':baseline'))
  const before = stage.github.all[index]
  if (before === undefined) throw new Error('Nothing was deployed on this stage')
  stage.github.all[index] = { ...before, payload: { ...(before.payload as object), ...change } }
  return async () => {
    stage.github.all[index] = before
  }
}
