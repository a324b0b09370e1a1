import type { ValkeyReply } from '../ports/databases.ts'

type Parsed = {
  readonly reply: ValkeyReply
  /** The text of an error reply. */
  readonly error: string | undefined
  /** Bytes that it took. */
  readonly length: number
}

/**
 * The first reply in `bytes` (RESP2, https://valkey.io/topics/protocol/); undefined while it is not whole.
 * @throws Error when it is no reply at all
 */
export function parseReply(bytes: Buffer, at = 0): Parsed | undefined {
  const end = bytes.indexOf('\r\n', at)
  if (end < 0) return undefined
  const [kind, text] = [String.fromCharCode(bytes[at] ?? 0), bytes.toString('utf8', at + 1, end)]
  const line = (reply: ValkeyReply, error?: string): Parsed => ({ reply, error, length: end + 2 - at })
  switch (kind) {
    case '+':
      return line(text)
    case '-':
      return line(null, text)
    case ':':
      return line(Number(text))
    case '$':
      return bulk(bytes, { at, start: end + 2, size: Number(text) })
    case '*':
      return list(bytes, { at, start: end + 2, size: Number(text) })
    default:
      throw new Error('what answers does not speak the protocol of Valkey or Redis')
  }
}

type Block = { readonly at: number; readonly start: number; readonly size: number }

function bulk(bytes: Buffer, { at, start, size }: Block): Parsed | undefined {
  if (size < 0) return { reply: null, error: undefined, length: start - at }
  if (bytes.length < start + size + 2) return undefined
  return {
    reply: bytes.toString('utf8', start, start + size),
    error: undefined,
    length: start + size + 2 - at,
  }
}

function list(bytes: Buffer, { at, start, size }: Block): Parsed | undefined {
  const items: ValkeyReply[] = []
  let next = start
  for (let index = 0; index < size; index++) {
    const item = parseReply(bytes, next)
    if (item === undefined) return undefined
    items.push(item.reply)
    next += item.length
  }
  return { reply: size < 0 ? null : items, error: undefined, length: next - at }
}
