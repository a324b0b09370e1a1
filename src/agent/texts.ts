import type { UndoSchema } from '../plan/plan.ts'
import type { DownSqlFacts } from '../release/facts.ts'
import { clickhouseName } from '../release/facts.ts'
import type { DownSections, DownSql, Engine } from '../schema/down-sql.ts'
import { withoutComments } from '../schema/sql-text.ts'
import type { DownSqlFile, DownSqlTexts } from './job.ts'

/**
 * The down SQL of some steps, each file once: of Postgres only the sections that their phases read (contract prepares
 * first, and validate leaves out what an older contract drops), and no comments.
 */
export function textsOf(steps: readonly UndoSchema[], facts: DownSqlFacts): DownSqlTexts {
  const needed = new Set(steps.flatMap(step => READ_BY[step.phase]))
  const postgres = [...new Set(steps.flatMap(step => step.postgres))]
  const clickhouse = [...new Set(steps.flatMap(step => step.clickhouse))]
  return {
    toolbox: {
      postgres: withoutComments(facts.toolbox('postgres'), 'postgres'),
      clickhouse: withoutComments(facts.toolbox('clickhouse'), 'clickhouse'),
    },
    files: [
      ...postgres.flatMap(name => fileOf('postgres', facts.downSql('postgres', name), needed)),
      ...clickhouse.flatMap(version => fileOf('clickhouse', facts.downSql('clickhouse', version), EVERY)),
    ],
  }
}

type Section = keyof DownSections

const EVERY: ReadonlySet<Section> = new Set(['expand', 'prepare', 'contract', 'validate'])
const READ_BY: Readonly<Record<UndoSchema['phase'], readonly Section[]>> = {
  expand: ['expand'],
  contract: ['prepare', 'contract'],
  validate: ['validate', 'contract'],
}

function fileOf(
  engine: Engine,
  file: DownSql | undefined,
  needed: ReadonlySet<Section>,
): readonly DownSqlFile[] {
  if (file === undefined) return []
  const section = (name: Section) => (needed.has(name) ? withoutComments(file.sections[name], engine) : '')
  const sections = {
    expand: section('expand'),
    prepare: section('prepare'),
    contract: section('contract'),
    validate: section('validate'),
  }
  return [{ engine, file: { ...file, counts: [], sections } }]
}

/** The same texts as the facts that down SQL is run by. */
export function factsOf({ toolbox, files }: DownSqlTexts): DownSqlFacts {
  const nameOf = (migration: string | number) =>
    typeof migration === 'number' ? clickhouseName(migration) : migration
  return {
    toolbox: engine => toolbox[engine],
    downSql: (engine, migration) =>
      files.find(item => item.engine === engine && item.file.migration === nameOf(migration))?.file,
  }
}
