import { get as request } from 'node:http'

export type Probed = {
  readonly calls: number
  readonly milliseconds: number
  /** When, and what came instead of 200. */
  readonly failures: readonly string[]
}

/** Calls the web's deep probe 100 times a second for as long as `work` goes on, however long an answer takes. */
export async function probing<Result>(
  webUrl: string,
  work: () => Promise<Result>,
): Promise<{ readonly result: Result; readonly probed: Probed }> {
  const began = Date.now()
  const failures: string[] = []
  const open = new Set<Promise<void>>()
  let calls = 0
  const call = async (): Promise<void> => {
    const at = ((Date.now() - began) / 1_000).toFixed(2)
    calls += 1
    const { status, text } = await get(`${webUrl}/sandbox/deep-probe`)
    if (status !== 200) failures.push(`${at} s: ${status} ${text.slice(0, 500)}`)
  }
  const timer = setInterval(() => {
    const made = call().finally(() => open.delete(made))
    open.add(made)
  }, 10)
  try {
    const result = await work()
    return { result, probed: { calls, milliseconds: Date.now() - began, failures } }
  } finally {
    clearInterval(timer)
    await Promise.all(open)
  }
}

/** A connection a call, as through a load balancer that knows which instance serves. Status 0: there was no answer. */
function get(url: string): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise(resolve => {
    const failed = (error: Error) => resolve({ status: 0, text: error.message })
    const asked = request(url, { agent: false, timeout: 30_000 }, answer => {
      let text = ''
      answer.setEncoding('utf8').on('data', part => {
        text += part
      })
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text })).on('error', failed)
    })
    asked.on('timeout', () => asked.destroy(new Error('no answer within 30 s'))).on('error', failed)
  })
}
