import { parseImage } from '../release/image.ts'
import { parseRelease, type Release } from '../release/release.ts'

/**
 * Reads inputs and collects every problem, so that a person corrects a workflow once. Each problem names the input, its
 * value and what to write instead.
 */
export class InputReader {
  readonly problems: string[] = []
  readonly #source: (name: string) => string

  constructor(source: (name: string) => string) {
    this.#source = source
  }

  text(name: string): string | undefined {
    const value = this.#source(name)
    return value === '' ? undefined : value
  }

  required(name: string, example: string): string {
    const value = this.text(name)
    if (value === undefined) this.problems.push(`Input \`${name}\` is empty. Set it to ${example}.`)
    return value ?? ''
  }

  choice<const Option extends string>(name: string, options: readonly [Option, ...Option[]]): Option {
    const value = this.text(name) ?? options[0]
    const found = options.find(option => option === value)
    if (found === undefined)
      this.problems.push(`Input \`${name}\` is \`${value}\`. Set it to ${oneOf(options)}.`)
    return found ?? options[0]
  }

  flag(name: string): boolean {
    return this.choice(name, ['false', 'true']) === 'true'
  }

  /** Milliseconds from `90s`, `45m` or `2h`. */
  duration(name: string): number {
    const value = this.required(name, 'a duration such as `45m`')
    const match = /^(\d{1,6})(s|m|h)$/.exec(value)
    const unit = { s: 1_000, m: 60_000, h: 3_600_000 }[match?.[2] ?? 's'] ?? 0
    const milliseconds = Number(match?.[1] ?? 0) * unit
    if (value !== '' && milliseconds === 0) {
      this.problems.push(
        `Input \`${name}\` is \`${value}\`. Set it to a duration above zero such as \`90s\`, \`45m\` or \`2h\`.`,
      )
    }
    if (milliseconds > LONGEST_HOURS * 3_600_000) {
      this.problems.push(
        `Input \`${name}\` is \`${value}\`, but GitHub ends every job after ${LONGEST_HOURS} hours at the latest. Set it to \`${LONGEST_HOURS}h\` or less.`,
      )
    }
    return milliseconds
  }

  list(name: string): readonly string[] {
    return (this.text(name) ?? '')
      .split(/[,\n]/)
      .map(item => item.trim())
      .filter(item => item !== '')
  }

  release(name: string): Release {
    const value = this.required(name, 'an exact Langfuse release such as `3.225.4`')
    const parsed = parseRelease(value)
    if (typeof parsed === 'string') return parsed
    if (value !== '') {
      this.problems.push(
        `Input \`${name}\` is \`${value}\`, which ${parsed.problem}. Set it to an exact release such as \`3.225.4\`.`,
      )
    }
    return '0.0.0' as Release
  }

  /** An image reference with an exact tag or a digest. */
  image(name: string): string | undefined {
    const value = this.text(name)
    if (value === undefined) return undefined
    const image = parseImage(value)
    const exact = image?.digest !== undefined || (image?.tag !== undefined && /\d+\.\d+\.\d+/.test(image.tag))
    if (!exact) {
      this.problems.push(
        `Input \`${name}\` is \`${value}\`, which can point to another image later. Set it to repository:exact-tag or repository@sha256:….`,
      )
    }
    return value
  }

  url(name: string, protocols: readonly string[]): string | undefined {
    const value = this.text(name)
    if (value === undefined) return undefined
    const protocol = URL.canParse(value) ? new URL(value).protocol : undefined
    if (protocol === undefined || !protocols.includes(protocol)) {
      // The value may contain a password.
      this.problems.push(
        `Input \`${name}\` is not a URL that starts with ${oneOf(protocols.map(item => `${item}//`))}. Correct it.`,
      )
    }
    return value
  }
}

/**
 * A job on a self-hosted runner may take five days (https://docs.github.com/en/actions/reference/limits). Node's timers
 * end at 24.8 days.
 */
const LONGEST_HOURS = 120

/** Inputs that are masked first and never shown. */
export const SECRET_INPUTS: ReadonlySet<string> = new Set([
  'database-url',
  'clickhouse-password',
  'redis-url',
  'github-token',
  'langfuse-public-key',
  'langfuse-secret-key',
])

function oneOf(options: readonly string[]): string {
  return options.map(option => `\`${option}\``).join(' or ')
}
