import { main } from '../shared/index.js'
await main('deploy', new URL('../../', import.meta.url))
