import { proveChainsTo } from './proof-chains.ts'

proveChainsTo(['3.225.4', '3.0.0'])
