import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { RolloutError } from '../errors/errors.ts'
import type { ImageTool } from '../ports/runner.ts'
import { parseImage } from '../release/image.ts'
import { indexPlatforms, member } from './image-manifest.ts'

/**
 * The first program on PATH that can copy images between registries. It gets `environment`, by default this process's:
 * HOME and DOCKER_CONFIG point to its logins.
 */
export async function findImageTool(environment?: Environment): Promise<ImageTool | undefined> {
  const run: Run = (file, parameters, signal) => spawn(file, parameters, { signal, environment })
  for (const program of PROGRAMS) {
    const { status } = await run(program.file, program.probe, AbortSignal.timeout(PROBE_MS))
    if (status === 0) return toolOf(program, run)
  }
  return undefined
}

type Environment = Readonly<Record<string, string>>
type Run = (file: string, parameters: readonly string[], signal: AbortSignal) => Promise<Result>

const PROBE_MS = 20_000
const INSPECT_MS = 60_000

/** Argument lists only: nothing runs through a shell. */
type Program = {
  readonly name: string
  readonly file: string
  readonly probe: readonly string[]
  /** Prints the manifest byte for byte: its hash is the digest. */
  readonly manifest: (reference: string) => readonly string[]
  readonly copy: (from: string, to: string) => readonly string[]
}

const PROGRAMS: readonly Program[] = [
  {
    // https://docs.docker.com/reference/cli/docker/buildx/imagetools/create/: --prefer-index=false keeps the digest of a
    // single manifest, which would otherwise be wrapped into an index.
    name: 'docker buildx imagetools',
    file: 'docker',
    probe: ['buildx', 'version'],
    manifest: reference => ['buildx', 'imagetools', 'inspect', '--raw', reference],
    copy: (from, to) => ['buildx', 'imagetools', 'create', '--prefer-index=false', '--tag', to, from],
  },
  {
    name: 'skopeo',
    file: 'skopeo',
    probe: ['--version'],
    manifest: reference => ['inspect', '--raw', `docker://${reference}`],
    copy: (from, to) => ['copy', '--all', '--preserve-digests', `docker://${from}`, `docker://${to}`],
  },
  {
    name: 'crane',
    file: 'crane',
    probe: ['version'],
    manifest: reference => ['manifest', reference],
    copy: (from, to) => ['copy', from, to],
  },
]

function toolOf({ name, file, manifest, copy }: Program, run: Run): ImageTool {
  return {
    name,
    async inspect(reference) {
      const result = await run(file, manifest(safe(reference)), AbortSignal.timeout(INSPECT_MS))
      if (result.status === 0) return describe(result.output)
      if (isMissing(result.complaint)) return undefined
      throw new RolloutError(
        `${name} could not read ${reference}: ${lastLines(result.complaint)}${remedyOf(result.complaint, 'read')}`,
      )
    },
    async copy(from, to, signal) {
      const result = await run(file, copy(safe(from), safe(to)), signal)
      if (result.status === 0) return
      throw new RolloutError(
        `${name} could not copy ${from} to ${to}: ${lastLines(result.complaint)}${remedyOf(result.complaint, 'copy')}`,
      )
    },
  }
}

/** Any other text could be an option of the program. */
function safe(reference: string): string {
  if (parseImage(reference) !== undefined) return reference
  throw new RolloutError(`\`${reference}\` is not an image reference: correct it.`)
}

function describe(manifest: Buffer) {
  const digest = `sha256:${createHash('sha256').update(manifest).digest('hex')}`
  const document: unknown = JSON.parse(manifest.toString('utf8'))
  const listed = member(document, 'manifests')
  const manifests = 1 + (Array.isArray(listed) ? listed.length : 0)
  return { digest, platforms: indexPlatforms(document), manifests }
}

type Result = { readonly status: number | undefined; readonly output: Buffer; readonly complaint: string }

const LARGEST_OUTPUT = 16 * 1024 * 1024

/** `status` is undefined if the program does not exist or was ended by the signal. */
function spawn(
  file: string,
  parameters: readonly string[],
  { signal, environment }: { readonly signal: AbortSignal; readonly environment: Environment | undefined },
): Promise<Result> {
  const options = { encoding: 'buffer', maxBuffer: LARGEST_OUTPUT, signal, windowsHide: true } as const
  const env = environment === undefined ? {} : { env: { ...environment } }
  return new Promise(resolve => {
    execFile(file, [...parameters], { ...options, ...env }, (error, output, complaint) => {
      const status = error === null ? 0 : typeof error.code === 'number' ? error.code : undefined
      const words = complaint.toString('utf8').trim()
      resolve({ status, output, complaint: words === '' && error !== null ? error.message : words })
    })
  })
}

/** The messages of registries and of the three programs for a missing image. */
function isMissing(complaint: string): boolean {
  return /manifest[ _]unknown|name[ _]unknown|: not found\s*$/im.test(complaint)
}

function lastLines(complaint: string): string {
  const lines = complaint.split('\n').filter(line => line.trim() !== '')
  return lines.slice(-2).join(' ').slice(0, 600) || 'it gave no reason'
}

function remedyOf(complaint: string, what: 'read' | 'copy'): string {
  if (/toomanyrequests|too many requests|rate limit/i.test(complaint)) {
    return '. Log in to that registry in a step before this one (docker/login-action), or wait.'
  }
  if (/immutable/i.test(complaint)) {
    return '. The tag already exists and is immutable: run again.'
  }
  if (
    /denied|unauthorized|forbidden|no basic auth|authentication required|insufficient_scope/i.test(complaint)
  ) {
    return what === 'copy'
      ? '. The registry denied it: log in to ECR in a step before this one (aws-actions/amazon-ecr-login) with a role that may push.'
      : '. The registry denied it: check the name in `mirror-from`, and log in to it in a step before this one.'
  }
  return '.'
}
