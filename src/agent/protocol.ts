import { createHash } from 'node:crypto'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import type { JobFailure } from './job.ts'

/**
 * The agent answers in lines on its standard output, which CloudWatch Logs keeps. Each has the run's nonce (`n`), its
 * index (`i`), its kind (`k`) and its value (`v`). A long value comes in parts, a very long one packed. The last line has
 * the count and the hash; without it the answer is incomplete.
 */
export const MARK = 'LANGFUSE-ROLLOUT '

/** Log drivers cut lines at 16 KiB; so many UTF-16 units are always below 8 kB. */
const PART = 2_400

/** Two schemas are some 200 kB of repetitive JSON. */
const UNPACKED = 16_000
const LARGEST = 64 * 1024 * 1024

/** The agent's side. `write` gets one line without its line break. */
export function createReporter(nonce: string, write: (line: string) => void): Reporter {
  const hash = createHash('sha256')
  let count = 0
  const line = (kind: string, value: unknown) => {
    const text = JSON.stringify({ n: nonce, i: count, k: kind, v: value })
    write(`${MARK}${text}`)
    hash.update(`${text}\n`)
    count += 1
  }
  const whole = (kind: string, value: unknown) => {
    const text = JSON.stringify(value)
    const packed = text.length > UNPACKED
    const parts = partsOf(packed ? deflateRawSync(text).toString('base64') : text)
    for (const part of parts) line(packed ? `packed ${kind}` : kind, part)
  }
  return {
    say: text => line('say', text.slice(0, PART)),
    result: value => whole('result', value),
    failure: failure => whole('failure', failure),
    end: () => line('end', { count, sha256: hash.copy().digest('hex') }),
  }
}

export type Reporter = {
  say(text: string): void
  result(value: unknown): void
  failure(failure: JobFailure): void
  /** The last line; nothing may follow. */
  end(): void
}

function partsOf(text: string): readonly string[] {
  return Array.from({ length: Math.ceil(text.length / PART) }, (_, index) =>
    text.slice(index * PART, (index + 1) * PART),
  )
}

/** `open`: more lines may come; `reason`: why the lines so far are no answer. */
export type Answer =
  | { readonly state: 'open'; readonly reason: string }
  | { readonly state: 'broken'; readonly reason: string }
  | { readonly state: 'result'; readonly value: unknown }
  | { readonly state: 'failure'; readonly failure: JobFailure }

/** The runner's side: takes lines in any order and detects when the answer is complete. */
export function createReader(nonce: string, onSay: (text: string) => void): Reader {
  const lines = new Map<number, Line>()
  let reported = 0
  let strange = 0
  let others = 0
  let broken: string | undefined

  const flush = () => {
    for (let next = lines.get(reported); next !== undefined; next = lines.get(reported)) {
      if (next.k === 'say') onSay(String(next.v))
      reported += 1
    }
  }
  const take = (text: string) => {
    if (!text.startsWith(MARK)) {
      strange += text.trim() === '' ? 0 : 1
      return
    }
    const json = text.slice(MARK.length).trimEnd()
    const line = lineOf(json)
    if (line === undefined) broken ??= 'a line of its result is damaged'
    else if (line.n !== nonce) others += 1
    else if ((lines.get(line.i)?.json ?? json) !== json)
      broken ??= `line ${line.i} of its result appears twice with different content`
    else lines.set(line.i, line)
  }
  return {
    take(texts) {
      for (const text of texts) take(text)
      flush()
    },
    answer() {
      if (broken !== undefined) return { state: 'broken', reason: broken }
      const end = [...lines.values()].find(line => line.k === 'end')
      if (end !== undefined) return wholeAnswer(lines, end)
      const [first] = missingBefore(lines, Math.max(-1, ...lines.keys()))
      return { state: 'open', reason: whyOpen({ lines: lines.size, first, strange, others }) }
    },
  }
}

export type Reader = {
  take(lines: readonly string[]): void
  answer(): Answer
}

type Line = {
  readonly n: string
  readonly i: number
  readonly k: string
  readonly v: unknown
  readonly json: string
}

function lineOf(json: string): Line | undefined {
  try {
    const value: unknown = JSON.parse(json)
    if (typeof value !== 'object' || value === null) return undefined
    if (!('n' in value && 'i' in value && 'k' in value && 'v' in value)) return undefined
    const { n, i, k, v } = value
    return typeof n === 'string' && Number.isSafeInteger(i) && typeof i === 'number' && typeof k === 'string'
      ? { n, i, k, v, json }
      : undefined
  } catch {
    return undefined
  }
}

function missingBefore(lines: ReadonlyMap<number, Line>, end: number): readonly number[] {
  return Array.from({ length: Math.max(0, end) }, (_, index) => index).filter(index => !lines.has(index))
}

function whyOpen(seen: {
  readonly lines: number
  readonly first: number | undefined
  readonly strange: number
  readonly others: number
}): string {
  if (seen.first !== undefined) return `line ${seen.first} of its result is missing`
  if (seen.lines > 0) return `the end of its result is missing after ${seen.lines} lines`
  if (seen.others > 0) return 'its log has only the result of another run'
  if (seen.strange > 0) return `its log has ${seen.strange} lines but no result`
  return 'its log is empty'
}

/** Verifies the count and the hash in the last line. */
function wholeAnswer(lines: ReadonlyMap<number, Line>, end: Line): Answer {
  const [missing] = missingBefore(lines, end.i)
  if (missing !== undefined) return { state: 'open', reason: `line ${missing} of its result is missing` }
  const before = [...lines.values()].filter(line => line.i < end.i).sort((a, b) => a.i - b.i)
  const sha256 = createHash('sha256')
  for (const { json } of before) sha256.update(`${json}\n`)
  const claimed = end.v as { readonly count?: unknown; readonly sha256?: unknown } | null
  if (claimed?.count !== end.i || claimed.sha256 !== sha256.digest('hex') || lines.size !== end.i + 1)
    return { state: 'broken', reason: 'its result does not match its hash' }
  const failure = textOf('failure', before)
  if (failure !== '') return { state: 'failure', failure: JSON.parse(failure) as JobFailure }
  const result = textOf('result', before)
  if (result === '') return { state: 'broken', reason: 'its result is empty' }
  return { state: 'result', value: JSON.parse(result) }
}

function textOf(kind: string, lines: readonly Line[]): string {
  const joined = (wanted: string) =>
    lines
      .filter(line => line.k === wanted)
      .map(line => String(line.v))
      .join('')
  const packed = Buffer.from(joined(`packed ${kind}`), 'base64')
  return packed.length === 0 ? joined(kind) : inflateRawSync(packed, { maxOutputLength: LARGEST }).toString()
}
