import { createHash } from 'node:crypto'

export const REGION = 'ap-northeast-1'
export const ACCOUNT = '123456789012'
export const REGISTRY = `${ACCOUNT}.dkr.ecr.${REGION}.amazonaws.com`

/** Identifiers in AWS's shapes, the same in every run of the sandbox. */
export function makeIds(): Ids {
  let count = 0
  const hex = (length: number) => sha256(`sandbox ${++count}`).slice(0, length)
  return {
    hex,
    uuid: () => hex(32).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
    digits: () =>
      BigInt(`0x1${hex(15)}`)
        .toString()
        .padStart(19, '1')
        .slice(0, 19),
    base32: (length: number) =>
      [...hex(length)].map(c => 'abcdefghijklmnop'[Number.parseInt(c, 16)]).join(''),
  }
}

export type Ids = {
  hex(length: number): string
  uuid(): string
  /** 19 digits, like the number of an ECS deployment. */
  digits(): string
  base32(length: number): string
}

export const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

export const arn = (service: string, resource: string) =>
  `arn:aws:${service}:${REGION}:${ACCOUNT}:${resource}`
