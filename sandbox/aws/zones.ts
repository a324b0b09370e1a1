import { REGION } from './ids.ts'

/** The sandbox's VPC is 10.0.0.0/16; its private subnets are 10.0.11.0/24 and on, one a zone. */
export function zoneOf(address: string): { readonly name: string; readonly id: string } {
  const index = (Number(address.split('.')[2] ?? 11) - 11) % ZONES.length
  return ZONES[index] ?? FIRST
}

const FIRST = { name: `${REGION}a`, id: 'apne1-az4' }
const ZONES = [FIRST, { name: `${REGION}c`, id: 'apne1-az1' }, { name: `${REGION}d`, id: 'apne1-az2' }]
