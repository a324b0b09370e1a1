import type { CheckState } from '../checks/check.ts'
import type { CheckId, CheckResult } from '../checks/run.ts'
import type { StepResult } from '../execute/execution.ts'
import { shortImage } from '../release/image.ts'
import type { Observed, RunningImage, Stack } from '../stack/stack.ts'
import { inline, table } from './markdown.ts'

type Part = CheckResult['about'][number]

/** `unknown`: no check ran. A part has the colour of its worst check. */
type Colour = 'ok' | 'warn' | 'bad' | 'unknown'

/** The stack as a Mermaid flowchart, with parts and connections coloured by their checks; and as tables. */
export function picture(stack: Stack, checks: readonly CheckResult[], steps: readonly StepResult[]): string {
  const parts = partsOf(stack)
  const names = new Map<string, string>([
    ['users', 'users'],
    ...parts.map(part => [part.id, part.name] as const),
  ])
  const colours = new Map(parts.map(part => [part.id, colourOf(part.id, checks, steps)]))
  const nodes = parts.map(
    ({ id, name, runs }) => `  ${node(id)}["${label(name)}<br/>${label(runs)}"]:::${colours.get(id)}`,
  )
  const connections = CONNECTIONS.map(connection => ({ ...connection, seen: seenOf(connection, checks) }))
  return [
    '```mermaid',
    'flowchart LR',
    ...nodes,
    '  users((users))',
    ...connections.map(({ from, to }) => `  ${node(from)} --> ${node(to)}`),
    ...connections.map(({ seen }, index) => `  linkStyle ${index} ${LINE[colourBy(seen)]}`),
    '  classDef ok fill:#1a7f37,color:#ffffff,stroke:#116329',
    '  classDef warn fill:#bf8700,color:#ffffff,stroke:#9a6700',
    '  classDef bad fill:#cf222e,color:#ffffff,stroke:#a40e26',
    '  classDef unknown fill:#8c959f,color:#ffffff,stroke:#6e7781',
    '```',
    '',
    table(
      ['', 'component', 'runs'],
      parts.map(({ id, name, runs }) => [SIGN[colours.get(id) ?? 'unknown'], inline(name), inline(runs)]),
    ),
    '',
    table(
      ['', 'connection', 'checked by'],
      connections.map(({ from, to, seen }) => [
        SIGN[colourBy(seen)],
        inline(`${names.get(from)} → ${names.get(to)}`),
        inline(witnesses(seen)),
      ]),
    ),
  ].join('\n')
}

const SIGN: Readonly<Record<Colour, string>> = { ok: '🟢', warn: '🟡', bad: '🔴', unknown: '⚪' }

const LINE: Readonly<Record<Colour, string>> = {
  ok: 'stroke:#1a7f37,stroke-width:2px',
  warn: 'stroke:#bf8700,stroke-width:3px',
  bad: 'stroke:#cf222e,stroke-width:4px',
  unknown: 'stroke:#8c959f,stroke-width:1px,stroke-dasharray:4',
}

type Connection = {
  readonly from: Part | 'users'
  readonly to: Part
  /** The checks of the connection itself, and not only of its ends. */
  readonly checks: readonly CheckId[]
}

export const CONNECTIONS: readonly Connection[] = [
  { from: 'users', to: 'web', checks: ['web-health', 'web-version', 'canary'] },
  { from: 'web', to: 'postgres', checks: ['path-to-postgres', 'web-in-vpc', 'environment-pairs'] },
  { from: 'worker', to: 'postgres', checks: ['path-to-postgres', 'worker-health', 'environment-pairs'] },
  { from: 'web', to: 'valkey', checks: ['path-to-valkey', 'web-in-vpc', 'valkey-tls', 'canary'] },
  { from: 'worker', to: 'valkey', checks: ['path-to-valkey', 'worker-health', 'valkey-tls', 'canary'] },
  { from: 'web', to: 'cloud-map', checks: ['path-to-clickhouse', 'web-in-vpc', 'vpc-dns', 'canary'] },
  { from: 'worker', to: 'cloud-map', checks: ['clickhouse-name', 'path-to-clickhouse', 'vpc-dns', 'canary'] },
  { from: 'cloud-map', to: 'clickhouse', checks: ['cloud-map', 'clickhouse-name', 'clickhouse-ping'] },
  {
    from: 'clickhouse',
    to: 'efs',
    checks: [
      'efs-mount-targets',
      'efs-security-groups',
      'efs-policy',
      'efs-access-point',
      'efs-volume',
      'efs-mounted',
      'clickhouse-single-writer',
      'clickhouse-disk',
    ],
  },
]

/** A check may name the one end that is at fault: then its result does not count for other connections. */
function seenOf({ from, to, checks }: Connection, results: readonly CheckResult[]): readonly CheckResult[] {
  return results.filter(({ id, state, about }) => {
    if (!checks.includes(id) || state === 'skipped') return false
    // Connections to ClickHouse go through its name in Cloud Map.
    const ends: readonly string[] = to === 'cloud-map' ? [from, to, 'clickhouse'] : [from, to]
    return about.some(part => ends.includes(part))
  })
}

function witnesses(seen: readonly CheckResult[]): string {
  if (seen.length === 0) return 'no check'
  const bad = seen.filter(({ state }) => state !== 'passed')
  if (bad.length > 0) return bad.map(({ title, state }) => `${title}: ${state}`).join('; ')
  return seen.map(({ title }) => title).join('; ')
}

const PLATFORM = { 'app-runner': 'App Runner', ecs: 'ECS', 'ecs-express': 'ECS Express' } as const

type Box = { readonly id: Part; readonly name: string; readonly runs: string }

function partsOf(stack: Stack): readonly Box[] {
  const { web, worker, clickhouse, discovery, files, postgres, probe } = stack
  return [
    { id: 'web', name: `web · ${PLATFORM[web.platform]}`, runs: runs(web.image) },
    { id: 'worker', name: 'worker · ECS', runs: runs(worker.image) },
    { id: 'clickhouse', name: 'ClickHouse · ECS', runs: runs(clickhouse.image) },
    { id: 'cloud-map', name: 'Cloud Map', runs: seen(discovery, ({ name }) => name) },
    { id: 'efs', name: 'EFS', runs: seen(files, ({ id }) => id) },
    {
      id: 'postgres',
      name: 'PostgreSQL',
      runs: seen(postgres, ({ migrations }) => `${migrations.length} migrations`),
    },
    { id: 'valkey', name: 'Valkey', runs: seen(probe.valkey, ({ version }) => version) },
  ]
}

function seen<Value>(fact: Observed<Value>, show: (value: Value) => string): string {
  return fact.known ? show(fact.value) : 'not observed'
}

function runs(image: RunningImage): string {
  return image.version ?? shortImage(image.reference)
}

function colourOf(part: Part, checks: readonly CheckResult[], steps: readonly StepResult[]): Colour {
  const about = checks.filter(check => check.about.includes(part))
  const ended = steps
    .filter(({ step }) => 'component' in step && step.component === part)
    .map(step => step.state)
  if (ended.includes('failed')) return 'bad'
  const colour = colourBy(about)
  return ended.includes('rolling') && colour !== 'bad' ? 'warn' : colour
}

function colourBy(checks: readonly CheckResult[]): Colour {
  const has = (...states: readonly CheckState[]) => checks.some(({ state }) => states.includes(state))
  if (has('failed')) return 'bad'
  if (has('warning', 'inconclusive')) return 'warn'
  return has('passed') ? 'ok' : 'unknown'
}

function node(part: Part | 'users'): string {
  return part.replace('-', '')
}

/** Mermaid draws at most 50,000 characters; a box of a thousand is unreadable. */
const LONGEST_LABEL = 120

/** In quoted labels Mermaid interprets only entities such as `#quot;`, and Markdown in backticks. */
function label(text: string): string {
  return [...text.replace(/[\p{C}\s]+/gu, ' ')]
    .slice(0, LONGEST_LABEL)
    .join('')
    .replace(/[#"<>`&\\]/g, character => `#${character.codePointAt(0)};`)
}
