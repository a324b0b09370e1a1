import { proveChainsTo } from './proof-chains.ts'

proveChainsTo(['2.93.7'])
