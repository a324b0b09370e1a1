import { lookup } from 'node:dns/promises'
import type { Names } from '../ports/http.ts'

/** As the machine resolves, which in a VPC is what every container there sees. */
export const names: Names = {
  resolve: async name => (await lookup(name, { all: true })).map(({ address }) => address),
}
