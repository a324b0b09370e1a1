import { empty, hostileRows, ordinary } from './data/data-sets.ts'
import { proveOn } from './proof.ts'

proveOn([empty, ordinary(), hostileRows({ isLate: true })])
