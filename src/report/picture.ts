import type { CheckResult, CheckState } from '../checks/check.ts'
import type { StepResult } from '../execute/execution.ts'
import { shortImage } from '../release/image.ts'
import type { RunningImage, Stack } from '../stack/stack.ts'
import { inline, table } from './markdown.ts'

type Part = 'web' | 'worker' | 'clickhouse' | 'postgres' | 'valkey' | 'efs' | 'cloud-map'

/** Grey: nobody has looked. A part is as bad as the worst that was seen of it. */
type Colour = 'ok' | 'warn' | 'bad' | 'unknown'

/** The stack as a Mermaid flowchart, each part coloured by its checks and steps, and the same as a table. */
export function picture(stack: Stack, checks: readonly CheckResult[], steps: readonly StepResult[]): string {
  const parts = partsOf(stack)
  const colours = new Map(parts.map(part => [part.id, colourOf(part.id, checks, steps)]))
  const nodes = parts.map(
    ({ id, name, runs }) => `  ${node(id)}["${label(name)}<br/>${label(runs)}"]:::${colours.get(id)}`,
  )
  return [
    '```mermaid',
    'flowchart LR',
    ...nodes,
    '  users((users)) --> web',
    '  web --> postgres',
    '  worker --> postgres',
    '  web --> valkey',
    '  worker --> valkey',
    '  web --> cloudmap',
    '  worker --> cloudmap',
    '  cloudmap --> clickhouse',
    '  clickhouse --> efs',
    '  classDef ok fill:#1a7f37,color:#ffffff,stroke:#116329',
    '  classDef warn fill:#bf8700,color:#ffffff,stroke:#9a6700',
    '  classDef bad fill:#cf222e,color:#ffffff,stroke:#a40e26',
    '  classDef unknown fill:#8c959f,color:#ffffff,stroke:#6e7781',
    '```',
    '',
    table(
      ['', 'part', 'runs'],
      parts.map(({ id, name, runs }) => [SIGN[colours.get(id) ?? 'unknown'], inline(name), inline(runs)]),
    ),
  ].join('\n')
}

const SIGN: Readonly<Record<Colour, string>> = { ok: '🟢', warn: '🟡', bad: '🔴', unknown: '⚪' }

const PLATFORM = { 'app-runner': 'App Runner', ecs: 'ECS', 'ecs-express': 'ECS Express' } as const

function partsOf(
  stack: Stack,
): readonly { readonly id: Part; readonly name: string; readonly runs: string }[] {
  const { web, worker, clickhouse, discovery, files, postgres, probe } = stack
  return [
    { id: 'web', name: `web · ${PLATFORM[web.platform]}`, runs: runs(web.image) },
    { id: 'worker', name: 'worker · ECS', runs: runs(worker.image) },
    {
      id: 'clickhouse',
      name: 'ClickHouse · ECS',
      runs: runs(clickhouse.image),
    },
    { id: 'cloud-map', name: 'Cloud Map', runs: discovery.known ? discovery.value.name : 'no name' },
    { id: 'efs', name: 'EFS', runs: files.known ? files.value.id : 'not seen' },
    {
      id: 'postgres',
      name: 'PostgreSQL',
      runs: postgres.known ? `${postgres.value.migrations.length} migrations` : 'not seen',
    },
    {
      id: 'valkey',
      name: 'Valkey',
      runs: probe.valkey.known ? probe.valkey.value.version : 'not seen',
    },
  ]
}

function runs(image: RunningImage): string {
  return image.version ?? shortImage(image.reference)
}

function colourOf(part: Part, checks: readonly CheckResult[], steps: readonly StepResult[]): Colour {
  const states = checks.filter(check => check.about.includes(part)).map(check => check.state)
  const ended = steps
    .filter(({ step }) => 'component' in step && step.component === part)
    .map(step => step.state)
  if (states.includes('failed') || ended.includes('failed')) return 'bad'
  if (states.includes('warning') || states.includes('inconclusive') || ended.includes('rolling'))
    return 'warn'
  const good: readonly CheckState[] = ['passed']
  return states.some(state => good.includes(state)) ? 'ok' : 'unknown'
}

function node(part: Part): string {
  return part.replace('-', '')
}

/** Mermaid reads `#quot;` and the like inside quoted labels; nothing else is markup there. */
function label(text: string): string {
  return text
    .replaceAll('#', '#35;')
    .replaceAll('"', '#quot;')
    .replaceAll('<', '#lt;')
    .replaceAll('>', '#gt;')
}
