import { proveEachOn, proveJumpsDown } from './clickhouse-cases.ts'
import { emptyClickHouse, ordinaryClickHouse } from './data/clickhouse.ts'

proveEachOn([emptyClickHouse, ordinaryClickHouse])
proveJumpsDown()
