import { readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const SRC = join(ROOT, 'src')

export type Calls = {
  /** Everything that looks: verify, and what stands left of the plan in deploy and rollback. */
  readonly look: readonly string[]
  /** What the agent's tasks take. */
  readonly agent: readonly string[]
  readonly deploy: readonly string[]
  readonly rollback: readonly string[]
}

/**
 * The calls to AWS that each action can make, as `service:Operation`, read from the source: which methods of the ports
 * the functions use that an entry reaches, and which commands of the SDK the adapters send for a method.
 */
export function awsCalls(): Calls {
  const commands = commandsOfMethods()
  const callsIn = (functions: Iterable<string>) =>
    sorted([...functions].flatMap(methodsUsedIn).flatMap(method => commands.get(method) ?? []))
  const look = (without: readonly string[]) => [
    ...reach('entries/verify.ts#verify', without),
    ...reach('entries/deploy.ts#deploy', [...AFTER_THE_PLAN, ...without]),
    ...reach('entries/rollback.ts#rollback', [...AFTER_THE_PLAN, ...without]),
  ]
  return {
    look: callsIn(look(['createAgent'])),
    agent: callsIn(reach('agent/agent.ts#createAgent')),
    deploy: callsIn(reach('entries/deploy.ts#deploy')),
    rollback: callsIn(reach('entries/rollback.ts#rollback', stepsThatARollbackNeverHas())),
  }
}

/** What is only reached when a plan is carried out. */
const AFTER_THE_PLAN = ['runPlan', 'finish', 'undo']

/** The functions of `execute` for kinds of steps that no plan of a rollback can hold. */
function stepsThatARollbackNeverHas(): readonly string[] {
  const performs = [...source('execute/execute.ts').matchAll(/case '([\w-]+)':\s*return (\w+)\(/g)]
  const planned = [...reach('plan/plan-rollback.ts#planRollback')].map(textOf).join('\n')
  return performs.flatMap(([, kind = '', name = '']) => (planned.includes(`kind: '${kind}'`) ? [] : [name]))
}

function sorted(calls: readonly string[]): readonly string[] {
  return [...new Set(calls)].sort()
}

const texts = new Map<string, string>()

/** A module without its comments. */
function source(file: string): string {
  const known =
    texts.get(file) ?? readFileSync(join(SRC, file), 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
  texts.set(file, known)
  return known
}

/** The top-level functions and constants that one uses, as `file#name`, itself included. */
function reach(from: string, without: readonly string[] = []): ReadonlySet<string> {
  const found = new Set<string>()
  const visit = (node: string) => {
    const [file = '', name = ''] = node.split('#')
    if (found.has(node) || without.includes(name) || file.startsWith('adapters/')) return
    found.add(node)
    const names = namesIn(file)
    for (const word of new Set(textOf(node).match(/(?<![\w'`-]|(?<!\.\.)\.)[A-Za-z_]\w*\b(?!['`-]|\??:)/g))) {
      const target = names.get(word)
      if (target !== undefined) visit(target)
    }
  }
  visit(from)
  return found
}

/** What a name at the top of a module stands for: something of its own, or of the module that it is imported from. */
function namesIn(file: string): ReadonlyMap<string, string> {
  const names = new Map([...topLevel(file).keys()].map(name => [name, `${file}#${name}`]))
  for (const [, list = '', target = ''] of source(file).matchAll(IMPORT)) {
    if (!target.startsWith('.')) continue
    const module = relative(SRC, resolve(SRC, dirname(file), target))
    for (const item of list.split(',').map(each => each.trim())) {
      const [name = '', alias = name] = item.split(/\s+as\s+/)
      if (name !== '' && !name.startsWith('type ')) names.set(alias, `${module}#${name}`)
    }
  }
  return names
}

const IMPORT = /^import\s+(?!type\b)\{([^}]*)\}\s+from\s+'([^']+)'/gm

function textOf(node: string): string {
  const [file = '', name = ''] = node.split('#')
  return topLevel(file).get(name) ?? ''
}

const tops = new Map<string, ReadonlyMap<string, string>>()

function topLevel(file: string): ReadonlyMap<string, string> {
  const known = tops.get(file)
  if (known !== undefined) return known
  const parts = source(file).split(/^(?=(?:export )?(?:async )?(?:function|const|class|type|import)\b)/m)
  const units = new Map(
    parts.flatMap(part => {
      const name = /^(?:export )?(?:async )?(?:function|const|class) (\w+)/.exec(part)?.[1]
      return name === undefined ? [] : [[name, part] as const]
    }),
  )
  tops.set(file, units)
  return units
}

/** `ecs.updateService` … as a function writes them. */
function methodsUsedIn(node: string): readonly string[] {
  const ports = [...adapters().keys()].join('|')
  const uses = textOf(node).matchAll(new RegExp(`\\b(${ports})\\s*\\??\\.\\s*(\\w+)`, 'g'))
  return [...uses].map(([, port, method]) => `${port}.${method}`)
}

/** Port to the adapter's modules, as `adapters/aws.ts` wires them. */
function adapters(): ReadonlyMap<string, readonly string[]> {
  const wiring = source('adapters/aws.ts')
  const files = new Map(
    [...wiring.matchAll(/import \{ (\w+) \} from '\.\/(.+)'/g)].map(([, name = '', file]) => [
      name,
      `adapters/${file}`,
    ]),
  )
  return new Map(
    [...wiring.matchAll(/(\w+): (\w+)\(region\)/g)].map(([, port = '', adapter = '']) => {
      const file = files.get(adapter) ?? ''
      const beside = [...source(file).matchAll(/from '\.\/(aws-.+)'/g)].map(([, name]) => `adapters/${name}`)
      return [port, [file, ...beside]]
    }),
  )
}

/** The prefix of a service's actions in IAM, by the module that holds its client. */
const PREFIX: Readonly<Record<string, string>> = {
  apprunner: 'apprunner',
  backup: 'backup',
  'cloud-map': 'servicediscovery',
  ec2: 'ec2',
  ecr: 'ecr',
  ecs: 'ecs',
  efs: 'elasticfilesystem',
  logs: 'logs',
  rds: 'rds',
}

/** `ecs.updateService` to [`ecs:UpdateService`]. */
function commandsOfMethods(): ReadonlyMap<string, readonly string[]> {
  const methods = new Map<string, readonly string[]>()
  for (const [port, files] of adapters()) {
    const [main = ''] = files
    const sdk = /import(?:\(| .*from )'\.\/sdk\/(.+)\.ts'/.exec(source(main))?.[1] ?? ''
    const prefix = PREFIX[sdk]
    if (prefix === undefined)
      throw new Error(`Which prefix have the actions of src/adapters/sdk/${sdk}.ts in IAM?`)
    const units = new Map<string, string>()
    for (const [name, text] of files.flatMap(file => unitsOf(source(file)))) {
      // A method may have the name of the function that it calls.
      units.set(name, `${units.get(name) ?? ''}\n${text}`)
    }
    for (const name of units.keys()) {
      const commands = commandsOf(name, units).map(command => `${prefix}:${command}`)
      methods.set(`${port}.${name}`, sorted(commands))
    }
  }
  return methods
}

/**
 * The functions of an adapter by name: at the top of the module, inside its factory, and the methods of the object that
 * it gives. The formatter's indentation says where each begins.
 */
function unitsOf(text: string): readonly (readonly [string, string])[] {
  const units: [string, string[]][] = []
  for (const line of text.split('\n')) {
    const name = UNITS.map(pattern => pattern.exec(line)?.[1]).find(found => found !== undefined)
    if (name !== undefined) units.push([name, []])
    units.at(-1)?.[1].push(line)
  }
  return units.map(([name, lines]) => [name, lines.join('\n')])
}

const UNITS = [
  /^(?:export )?(?:async )?function (\w+)/,
  /^ {2}(?:async )?function (\w+)/,
  /^ {2}const (\w+) = async/,
  /^ {4}(?:async )?(?!if\b|for\b|while\b|switch\b|catch\b|return\b)(\w+)\(.*\{$/,
  /^ {4}(\w+): .*=>/,
]

function commandsOf(
  name: string,
  units: ReadonlyMap<string, string>,
  seen = new Set<string>(),
): readonly string[] {
  if (seen.has(name)) return []
  seen.add(name)
  const text = units.get(name) ?? ''
  const own = [...text.matchAll(/new (?:\w+\.)?(\w+)Command\(/g)].map(([, command = '']) => command)
  const others = [...units.keys()].filter(other => new RegExp(`(?<![.\\w])${other}\\(`).test(text))
  return [...own, ...others.flatMap(other => commandsOf(other, units, seen))]
}
