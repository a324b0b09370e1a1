import { randomUUID } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const kinds = {
  output: 'GITHUB_OUTPUT',
  env: 'GITHUB_ENV',
  path: 'GITHUB_PATH',
  state: 'GITHUB_STATE',
  summary: 'GITHUB_STEP_SUMMARY',
} as const
type Kind = keyof typeof kinds

export type CommandFiles = {
  readonly paths: Readonly<Record<Kind, string>>
  readonly variables: Readonly<Record<string, string>>
}

/** Empty files that the step writes its outputs, state and summary to, and the variables that name them. */
export async function createCommandFiles(folder: string): Promise<CommandFiles> {
  await mkdir(folder, { recursive: true })
  const id = randomUUID()
  const path = (kind: Kind) => join(folder, `${kind === 'summary' ? 'step_summary' : `set_${kind}`}_${id}`)
  const paths = {
    output: path('output'),
    env: path('env'),
    path: path('path'),
    state: path('state'),
    summary: path('summary'),
  }
  for (const each of Object.values(paths)) await writeFile(each, '')
  return { paths, variables: Object.fromEntries(names().map(kind => [kinds[kind], paths[kind]])) }
}

export type Written = {
  readonly outputs: Readonly<Record<string, string>>
  readonly env: Readonly<Record<string, string>>
  readonly state: Readonly<Record<string, string>>
  readonly path: readonly string[]
  readonly summary: string
  /** Malformed file commands in the runner's words; each fails the step. */
  readonly problems: readonly string[]
}

/** What the step has written so far. */
export async function readCommandFiles({ paths }: CommandFiles): Promise<Written> {
  const problems: string[] = []
  const pairs = async (kind: Kind) => {
    const parsed = parsePairs(await readFile(paths[kind], 'utf8'))
    if (typeof parsed !== 'string') return parsed
    problems.push(`Unable to process file command '${kind}' successfully.`, parsed)
    return {}
  }
  const summary = await readFile(paths.summary, 'utf8')
  const kilobytes = Math.ceil(Buffer.byteLength(summary) / 1024)
  if (kilobytes > 1024) {
    problems.push(
      `$GITHUB_STEP_SUMMARY upload aborted, supports content up to a size of 1024k, got ${kilobytes}k.`,
    )
  }
  return {
    outputs: await pairs('output'),
    env: await pairs('env'),
    state: await pairs('state'),
    path: (await readFile(paths.path, 'utf8')).split(/\r?\n/).filter(line => line !== ''),
    summary,
    problems,
  }
}

function names(): readonly Kind[] {
  return Object.keys(kinds) as Kind[]
}

/** `name=value` and `name<<delimiter` entries; a string is the runner's sentence about what is malformed. */
export function parsePairs(content: string): Record<string, string> | string {
  const pairs: Record<string, string> = {}
  const lines = content.split('\n')
  while (lines.length > 0) {
    const line = (lines.shift() ?? '').replace(/\r$/, '')
    if (line === '') continue
    const heredoc = /^([^=]*?)<<(.+)$/.exec(line)
    const plain = /^([^=]+)=(.*)$/s.exec(line)
    if (heredoc !== null) {
      const [, name = '', delimiter = ''] = heredoc
      const end = lines.findIndex(each => each.replace(/\r$/, '') === delimiter)
      if (end < 0) return `Invalid value. Matching delimiter not found '${delimiter}'`
      pairs[name] = lines
        .splice(0, end + 1)
        .slice(0, end)
        .join('\n')
    } else if (plain !== null) pairs[plain[1] ?? ''] = plain[2] ?? ''
    else return `Invalid format '${line}'`
  }
  return pairs
}
