import type { Clock } from '../clock.ts'
import type { Running } from '../runtime/program.ts'
import type { HealthCheck } from './container.ts'

/**
 * Probes a container as its health check says and tells every change. The command's URL is fetched; a command
 * without one only asks whether the container listens.
 */
export function watchHealth(options: {
  readonly check: HealthCheck
  readonly running: Running
  readonly ports: readonly number[]
  readonly clock: Clock
  readonly changed: (healthy: boolean) => void
}): () => void {
  const { check, running, clock } = options
  const target = { ...targetOf(check.command, options.ports), timeoutSeconds: check.timeout }
  const countsFrom = clock.now().getTime() + check.startPeriod * 1000
  let failures = 0
  let over = false
  let busy = false
  void running.exited.then(() => {
    over = true
  })

  const evaluate = (ok: boolean) => {
    if (over) return
    if (ok) {
      failures = 0
      return options.changed(true)
    }
    if (clock.now().getTime() < countsFrom) return
    failures += 1
    if (failures >= check.retries) options.changed(false)
  }

  const cancel = clock.every(check.interval, async () => {
    if (busy || over) return
    busy = true
    evaluate(await running.probe(target))
    busy = false
  })
  return () => {
    over = true
    cancel()
  }
}

function targetOf(command: string, ports: readonly number[]) {
  const match = /https?:\/\/[^\s/:"']+(?::(\d+))?(\/[^\s"'|;]*)?/.exec(command)
  if (!match) return { port: ports[0] ?? 0 }
  return { port: Number(match[1] ?? 80), path: match[2] ?? '/' }
}
