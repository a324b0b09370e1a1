import { currentRelease } from '../stack/stack.ts'
import type { Step } from './plan.ts'
import type { MigrateQuestion } from './plan-migrate.ts'

/**
 * The web of before, once the migrations have run without it: it serves on, but its entry point refuses to start on
 * a ClickHouse schema that is ahead of its own files. undefined: nothing of that kind can happen.
 */
export type OldWeb = {
  /** Its release, where that is known. */
  readonly from: string | undefined
  readonly to: string
  /** ClickHouse's schema version after the migrations; undefined: not known from here. */
  readonly head: number | undefined
}

export function oldWebOf(steps: readonly Step[], question: MigrateQuestion): OldWeb | undefined {
  const { config, stack, facts } = question
  const migrate = steps.find(step => step.kind === 'migrate')
  const changesWeb = steps.some(step => 'component' in step && step.component === 'web')
  if (migrate === undefined || migrate.clickhouse?.length === 0 || !changesWeb) return undefined
  if (stack.web.environment['LANGFUSE_AUTO_CLICKHOUSE_MIGRATION_DISABLED'] === 'true') return undefined
  const from = currentRelease(stack, facts)
  const before = from === undefined ? undefined : facts.release(from)?.clickhouseHead
  const head = facts.release(config.version)?.clickhouseHead
  if (before !== undefined && head !== undefined && before >= head) return undefined
  return { from, to: config.version, head }
}

/** For the plan, before anything is done. */
export function oldWebWarning({ from, to, head }: OldWeb): string {
  return `From the end of the migrations until the new web serves, the web of ${nameOf(from)} serves on but could not start again ${why(head)}: if it crashes, is scaled or is restarted in these minutes, the site is down until Langfuse ${to} is there. Deploy when few people need it, and let nothing else touch the web meanwhile.`
}

/** For a deploy that stopped in between. */
export function oldWebRemedy({ from, to, head }: OldWeb): string {
  return `The migrations of Langfuse ${to} may have run and its web does not serve yet: the web of ${nameOf(from)} serves on, but cannot start again ${why(head)}. Do not restart, scale or redeploy it; end this soon by deploying ${to} again, or by the rollback action, which undoes the migrations that it has down SQL for. If it has to start before that, set \`LANGFUSE_AUTO_CLICKHOUSE_MIGRATION_DISABLED\` to \`true\` for it, and remove that afterwards.`
}

function nameOf(from: string | undefined): string {
  return from === undefined ? 'before' : `Langfuse ${from}`
}

function why(head: number | undefined): string {
  return head === undefined
    ? '("no migration found")'
    : `(ClickHouse's schema is then version ${head}: "no migration found for version ${head}")`
}
