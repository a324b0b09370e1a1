import type { Image, Program } from '../images.ts'

/** A container that runs, whatever it is made of. */
export type Running = {
  /** Container port → loopback port. Scripted programs have none. */
  readonly ports: ReadonlyMap<number, number>
  /** A process, not a script. */
  readonly real: boolean
  /** Ends when the program listens, has ended, or had time enough to do either. */
  readonly settled: Promise<void>
  readonly exited: Promise<Exit>
  /** Asks it to end, and makes it end when it does not within `graceSeconds` (virtual). */
  stop(graceSeconds: number): void
  /** SIGKILL, as when the machine under it is lost. */
  kill(): void
  /** One health probe: does it answer at this port and path (TCP when there is no path)? */
  probe(target: ProbeTarget): Promise<boolean>
}

export type ProbeTarget = { readonly port: number; readonly path?: string; readonly timeoutSeconds: number }

/** `code` as Docker reports it: 137 after SIGKILL, 143 after SIGTERM; `reason` is what Fargate adds to the container. */
export type Exit = { readonly code: number; readonly reason?: string }

export type Launch = {
  readonly image: Image
  readonly environment: Readonly<Record<string, string>>
  /** What the task definition or an override puts in place of the image's entry point and command. */
  readonly entryPoint: readonly string[]
  readonly command: readonly string[]
  readonly ports: readonly number[]
  /** The file system in it, if any. */
  readonly mount: Mount | undefined
  /** `task/<id>` or `apprunner/<name>/<instance>`. */
  readonly source: string
  readonly hostname: string
  onLine(line: string): void
}

/** A folder that stands for a file system at a path of the container, with owners as the server of NFS tells them. */
export type Mount = {
  readonly folder: string
  readonly path: string
  readonly readOnly: boolean
  /** By path below the folder. */
  readonly owners: Readonly<Record<string, { readonly uid: number; readonly gid: number }>>
}

export const isReal = (program: Program) => program.kind !== 'scripted'

/** The port that each stand-in listens on when its definition names none. */
export const DEFAULT_PORTS: Readonly<Record<string, number>> = { web: 3000, worker: 3030, clickhouse: 8123 }
