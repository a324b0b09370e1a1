/**
 * Hides secrets in text from outside: log lines, messages of drivers. `secrets` are the masked values. Passwords in
 * URLs are always hidden.
 */
export function redact(text: string, secrets: readonly string[]): string {
  const known = [...secrets].filter(secret => secret !== '').sort((left, right) => right.length - left.length)
  const clean = known.reduce((current, secret) => current.replaceAll(secret, '***'), text)
  return clean.replace(/(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@]*):[^\s/@]+@/gi, '$1:***@')
}
