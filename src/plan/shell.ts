/** Text of shell commands for a person. Every value that somebody else wrote goes through `quote`. */

/** A name, with its values; undefined: the option is left out. */
export type Option = string | readonly [name: string, ...values: readonly string[]] | undefined

/** One word of a POSIX shell. Control characters are dropped: no name in AWS has any. */
export function quote(value: string): string {
  const text = [...value].filter(character => character >= ' ' && character !== '\u007f').join('')
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

/** `aws rds describe-db-clusters --…`, one option a line where it is long. */
export function aws(command: string, ...options: readonly Option[]): string {
  const words = options.flatMap(option => {
    if (option === undefined) return []
    const [name, ...values] = typeof option === 'string' ? [option] : option
    return [`--${name}${values.map(value => ` ${quote(value)}`).join('')}`]
  })
  const line = [`aws ${command}`, ...words].join(' ')
  return line.length <= 110 ? line : [`aws ${command}`, ...words].join(' \\\n  ')
}

/** The option if there is a value. */
export function given(name: string, value: string | number | undefined): Option {
  return value === undefined || value === '' ? undefined : [name, String(value)]
}

/** `--name` or `--no-name` */
export function flag(name: string, on: boolean): Option {
  return on ? name : `no-${name}`
}

export function listOf(name: string, values: readonly string[]): Option {
  return values.length === 0 ? undefined : [name, ...values]
}

/**
 * A part of a script that stops at its first failure and leaves the shell that it is pasted into open.
 * @param region of every command of AWS in it
 */
export function block(region: string, lines: readonly string[]): string {
  return ['(', 'set -euo pipefail', `export AWS_REGION=${quote(region)} AWS_PAGER=`, ...lines, ')'].join('\n')
}

/** Ends a block that found something wrong. */
export function failing(sentence: string): string {
  return `{ echo ${quote(sentence)} >&2; exit 1; }`
}
