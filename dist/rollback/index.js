import { main } from '../shared/index.js'
await main('rollback', new URL('../../', import.meta.url))
