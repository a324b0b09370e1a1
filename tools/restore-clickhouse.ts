import { clickhouseRestore, clickhouseRestoreScript } from '../src/schema/clickhouse-restore.ts'

/** Prints the script that puts back what a rollback archived in ClickHouse: docs/restore.md. It changes nothing. */
const [url, rollbackId] = process.argv.slice(2)
if (url === undefined || rollbackId === undefined) {
  throw new Error('Usage: node tools/restore-clickhouse.ts <url with ?database=> <rollback id>')
}
const restores = await clickhouseRestore(ask(url), rollbackId)
console.log(
  restores.length === 0
    ? `-- the archive has nothing of a rollback ${JSON.stringify(rollbackId)}`
    : clickhouseRestoreScript(restores),
)

function ask(address: string) {
  const headers = {
    'X-ClickHouse-User': process.env['CLICKHOUSE_USER'] ?? 'default',
    'X-ClickHouse-Key': process.env['CLICKHOUSE_PASSWORD'] ?? '',
  }
  return async (sql: string) => {
    const response = await fetch(address, { method: 'POST', headers, body: `${sql} FORMAT JSON` })
    const text = await response.text()
    if (!response.ok) throw new Error(`ClickHouse refused to answer: ${text}`)
    return JSON.parse(text).data
  }
}
