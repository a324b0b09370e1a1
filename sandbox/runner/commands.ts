import type { Masks } from './masks.ts'

export type Command = {
  readonly command: string
  readonly properties: Readonly<Record<string, string>>
  readonly message: string
}

/** A workflow command line such as `::error file=a.ts,line=3::Something`, unescaped; undefined for any other line. */
export function parseCommand(line: string): Command | undefined {
  const match = /^\s*::([a-zA-Z][a-zA-Z0-9-]*)(?:\s+(.*?))?::(.*)$/s.exec(line)
  if (match === null) return undefined
  const [, command = '', properties = '', message = ''] = match
  return {
    command: command.toLowerCase(),
    properties: parseProperties(properties),
    message: unescapeData(message),
  }
}

export type Log = {
  /** A line of the process: commands are carried out, everything else is logged. */
  process(line: string): void
  /** A line of the runner itself. */
  write(line: string): void
  masked(): string
  raw(): string
  commands(): readonly Command[]
}

/** The job log of one step: what the runner prints for each line that the process wrote on either stream. */
export function logOf(options: { masks: Masks; onLine: ((line: string) => void) | undefined }): Log {
  const masked: string[] = []
  const raw: string[] = []
  const commands: Command[] = []
  let stopped: string | undefined
  const write = (line: string) => {
    const shown = options.masks.mask(line)
    masked.push(shown)
    options.onLine?.(shown)
  }
  const carryOut = (line: string, { command, message, properties }: Command) => {
    if (stopped !== undefined) {
      if (command === stopped) stopped = undefined
      return write(line)
    }
    commands.push({ command, message, properties })
    const shown = shownAs(line, command, message)
    if (command === 'add-mask') options.masks.add(message)
    if (command === 'stop-commands') stopped = message.toLowerCase()
    if (shown !== undefined) write(shown)
  }
  return {
    process: line => {
      raw.push(line)
      const command = parseCommand(line)
      if (command === undefined) write(line)
      else carryOut(line, command)
    },
    write,
    masked: () => text(masked),
    raw: () => text(raw),
    commands: () => commands,
  }
}

// Masks and debug lines do not reach the log; annotations and groups become ##[…] lines.
function shownAs(line: string, command: string, message: string): string | undefined {
  switch (command) {
    case 'add-mask':
    case 'debug':
      return undefined
    case 'error':
    case 'warning':
    case 'notice':
    case 'group':
    case 'endgroup':
      return `##[${command}]${message}`
    default:
      return line
  }
}

function parseProperties(text: string): Record<string, string> {
  return Object.fromEntries(
    text
      .split(',')
      .map(each => each.trim().split('='))
      .filter(([name, ...value]) => name !== '' && value.join('=') !== '')
      .map(([name = '', ...value]) => [name, unescapeProperty(value.join('='))]),
  )
}

function unescapeData(text: string): string {
  return text.replaceAll(/%0D/gi, '\r').replaceAll(/%0A/gi, '\n').replaceAll('%25', '%')
}

function unescapeProperty(text: string): string {
  return unescapeData(text.replaceAll(/%3A/gi, ':').replaceAll(/%2C/gi, ','))
}

function text(lines: readonly string[]): string {
  return lines.map(line => `${line}\n`).join('')
}
