import { main } from '../shared/index.js'
await main('verify', new URL('../../', import.meta.url))
