import { proveEachOn } from './clickhouse-cases.ts'
import { hostileClickHouse } from './data/clickhouse.ts'

proveEachOn([hostileClickHouse])
