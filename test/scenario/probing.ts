export type Probed = {
  readonly calls: number
  readonly milliseconds: number
  /** When, and what came instead of 200. */
  readonly failures: readonly string[]
}

/** Calls the web's deep probe 20 times a second for as long as `work` goes on, however long an answer takes. */
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
    try {
      const answer = await fetch(`${webUrl}/sandbox/deep-probe`, { signal: AbortSignal.timeout(30_000) })
      const text = await answer.text()
      if (answer.status !== 200) failures.push(`${at} s: ${answer.status} ${text.slice(0, 500)}`)
    } catch (error) {
      failures.push(
        `${at} s: ${error instanceof Error ? `${error.message} ${String(error.cause ?? '')}` : error}`,
      )
    }
  }
  const timer = setInterval(() => {
    const made = call().finally(() => open.delete(made))
    open.add(made)
  }, 50)
  try {
    const result = await work()
    return { result, probed: { calls, milliseconds: Date.now() - began, failures } }
  } finally {
    clearInterval(timer)
    await Promise.all(open)
  }
}
