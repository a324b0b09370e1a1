// Node's own type stripping as a Jest transform: positions stay, so no source map is needed.
import { stripTypeScriptTypes } from 'node:module'

export default { process: source => ({ code: stripTypeScriptTypes(source) }) }
