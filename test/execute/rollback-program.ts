import { systemClock } from '../../src/adapters/machine.ts'
import { createPostgres } from '../../src/adapters/postgres.ts'
import type { Connections, Ports } from '../../src/entries/ports.ts'
import { runPlan } from '../../src/entries/run-plan.ts'
import { makePlan, type UndoSchema } from '../../src/plan/plan.ts'
import type { Postgres } from '../../src/ports/databases.ts'
import { type DownSql, parseDownSql } from '../../src/schema/down-sql.ts'
import { fakeRunner } from '../support/runner.ts'
import { FACTS, stackOn2 } from '../support/stack.ts'

/**
 * A run of a rollback on PostgreSQL, in a process of its own and under the id that a run has by default:
 * `node rollback-program.ts URL FILES [before|after N]`. FILES is JSON: the text of each migration's file, newest first.
 * It kills itself before or after its Nth COMMIT, and exits with 1 if the rollback fails.
 */
const [url = '', files = '{}', when = '', nth = '0'] = process.argv.slice(2)
const parsed = new Map<string, DownSql>(
  Object.entries(JSON.parse(files) as Record<string, string>).map(([migration, text]) => [
    migration,
    parseDownSql({ engine: 'postgres', migration, text }),
  ]),
)

function mortal(postgres: Postgres): Postgres {
  let commits = 0
  const die = (now: string) => {
    if (now === when && commits === Number(nth)) process.kill(process.pid, 'SIGKILL')
  }
  return {
    ...postgres,
    connect: async () => {
      const session = await postgres.connect()
      return {
        ...session,
        run: async (sql, parameters) => {
          if (sql !== 'COMMIT') return session.run(sql, parameters)
          commits += 1
          die('before')
          const rows = await session.run(sql)
          die('after')
          return rows
        },
      }
    },
  }
}

const base = { postgres: [...parsed.keys()], clickhouse: [], clickhouseHead: undefined, reason: '' }
const steps = (['expand', 'contract', 'validate'] as const).map(
  (phase): UndoSchema => ({ kind: 'undo-schema', phase, ...base }),
)
const stack = stackOn2()
const results = await runPlan({
  plan: makePlan(stack, {
    action: 'rollback',
    from: '3.0.0',
    to: '2.93.7',
    rollbackClass: 'schema',
    goesBack: { answer: 'no', because: 'it is a test.', instead: '' },
    steps,
    warnings: [],
    losses: [],
  }),
  stack,
  connections: { postgres: mortal(createPostgres(url)), clickhouse: undefined } as unknown as Connections,
  ports: {
    facts: { ...FACTS, downSql: (_: unknown, migration: string | number) => parsed.get(String(migration)) },
    clock: systemClock,
    signal: new AbortController().signal,
    runner: fakeRunner('rollback', {}),
  } as unknown as Ports,
  deadline: systemClock.now() + 120_000,
})
for (const { state, sentence } of results) console.log(`${state}: ${sentence}`)
process.exitCode = results.every(({ state }) => state === 'done') ? 0 : 1
