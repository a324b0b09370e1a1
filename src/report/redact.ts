/**
 * Hides secrets in text that was not written by us: log lines, messages of drivers. `secrets` are the values that
 * were masked; passwords inside of URLs are hidden whether they are known or not.
 */
export function redact(text: string, secrets: readonly string[]): string {
  const known = [...secrets].filter(secret => secret !== '').sort((left, right) => right.length - left.length)
  const clean = known.reduce((current, secret) => current.replaceAll(secret, '***'), text)
  return clean.replace(/(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@]*):[^\s/@]+@/gi, '$1:***@')
}
