/** How far Langfuse's migrations came, as their log tells it. */
type Progress = {
  /** Postgres migrations that were begun, in order. */
  readonly postgres: readonly string[]
  readonly postgresDone: boolean
  /** ClickHouse migrations that are done, in order. */
  readonly clickhouse: readonly number[]
  readonly clickhouseDone: boolean
}

/** Reads the words of `prisma migrate deploy` (5.x and 6.x) and of golang-migrate (4.18, 4.19). */
export function progressOf(lines: readonly string[]): Progress {
  const clickhouse = lines.flatMap(line => {
    const match = /^(\d+)\/u \S+ \(/.exec(line)
    return match ? [Number(match[1])] : []
  })
  return {
    postgres: lines.flatMap(line => /^Applying migration `(.+)`/.exec(line)?.[1] ?? []),
    postgresDone: hasMigrated(lines),
    clickhouse,
    clickhouseDone:
      clickhouse.length > 0 ||
      lines.some(line => /^no change$|not configured, skipping migration/.test(line)),
  }
}

/** Prisma says so in both cases: when it applied something, and when there was nothing. */
export function hasMigrated(lines: readonly string[]): boolean {
  return lines.some(line =>
    /^(No pending migrations to apply|All migrations have been successfully applied)\./.test(line),
  )
}

/** Whether the entry point's last words have come. */
export function hasEnded(lines: readonly string[], exitCode: number): boolean {
  if (exitCode !== 0) return lines.some(line => line.startsWith('Exiting...'))
  return hasMigrated(lines) && progressOf(lines).clickhouseDone
}

export function describeProgress({ postgres, clickhouse }: Progress): string {
  if (postgres.length === 0 && clickhouse.length === 0) return 'nothing was left to migrate'
  const count = (number: number, store: string) =>
    `${number} ${store} ${number === 1 ? 'migration' : 'migrations'}`
  return `${count(postgres.length, 'Postgres')} and ${count(clickhouse.length, 'ClickHouse')} applied`
}
