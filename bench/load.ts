import { Client } from 'pg'
import { systemClock } from '../src/adapters/machine.ts'

export type Load = {
  readonly seconds: number
  readonly reader: readonly number[]
  readonly writer: readonly number[]
}

/** What a reader and a writer send, by turn. */
export type Queries = { readonly read: (turn: number) => string; readonly write: (turn: number) => string }

/**
 * Times of all queries in milliseconds, those that are under way at the end included. Reader and writer send one query
 * after the other, each on a connection of its own.
 */
export async function load(
  url: string,
  { read, write }: Queries,
  work: () => Promise<unknown>,
): Promise<Load> {
  let isOver = false
  const loop = async (queryOf: (turn: number) => string): Promise<number[]> => {
    const client = await connect(url)
    const times: number[] = []
    for (let turn = 0; !isOver; turn++) {
      const began = performance.now()
      await client.query(queryOf(turn))
      times.push(performance.now() - began)
      await systemClock.sleep(2)
    }
    await client.end()
    return times
  }
  const began = performance.now()
  const both = [loop(read), loop(write)]
  await systemClock.sleep(500)
  await work().finally(() => {
    isOver = true
  })
  const [reader = [], writer = []] = await Promise.all(both)
  return { seconds: (performance.now() - began) / 1_000, reader, writer }
}

export async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url })
  await client.connect()
  return client
}

export async function run(url: string, statements: readonly string[]): Promise<void> {
  const client = await connect(url)
  for (const sql of statements) await client.query(sql)
  await client.end()
}

export async function timed(what: string, work: () => Promise<unknown>): Promise<void> {
  const began = performance.now()
  await work()
  say(`${what} in ${((performance.now() - began) / 1_000).toFixed(0)} s`)
}

export function longest({ reader, writer }: Load): number {
  return Math.max(...[...reader, ...writer].toSorted((a, b) => b - a).slice(0, 1))
}

export function print(what: string, { seconds, reader, writer }: Load): void {
  say(`${what}: ${seconds.toFixed(1)} s`)
  for (const [name, times] of [
    ['reader', reader],
    ['writer', writer],
  ] as const) {
    const sorted = times.toSorted((a, b) => a - b)
    const at = (part: number): string => ms(sorted[Math.floor((sorted.length - 1) * part)] ?? 0)
    say(
      `  ${name}: ${count(times.length)} queries, median ${at(0.5)}, 99 % within ${at(0.99)}, longest ${at(1)}`,
    )
  }
}

export function ms(value: number): string {
  return `${value.toFixed(value < 10 ? 1 : 0)} ms`
}

export function count(value: number): string {
  return value.toLocaleString('en')
}

export function say(line: string): void {
  console.log(line)
}
