export type Masks = { add(secret: string): void; mask(text: string): string }

/** The runner's secret masker: every known secret, also encoded, becomes `***`. */
export function createMasks(secrets: readonly string[]): Masks {
  const values = new Set<string>()
  let ordered: readonly string[] = []
  const add = (secret: string) => {
    // A secret of several lines is masked line by line as well, because a log is written by lines.
    for (const each of [secret, ...secret.split(/\r?\n/)]) {
      for (const encoded of encodings(each)) values.add(encoded)
    }
    ordered = [...values].sort((one, other) => other.length - one.length)
  }
  for (const secret of secrets) add(secret)
  return { add, mask: text => ordered.reduce((masked, value) => masked.replaceAll(value, '***'), text) }
}

// The encodings under which the runner knows a secret too (actions/runner, HostContext.cs).
function encodings(secret: string): readonly string[] {
  if (secret.trim() === '') return []
  const base64 = [0, 1, 2].map(shift => Buffer.from(secret).subarray(shift).toString('base64'))
  const unpadded = base64.map(value => value.replace(/=+$/, ''))
  const encoded = [encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]
  return [secret, ...encoded, ...[...base64, ...unpadded].filter(value => value.length >= 8)]
}
