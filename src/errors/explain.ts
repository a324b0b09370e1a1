/** The sentence to show for anything that was thrown, with the causes it carries. */
export function explain(error: unknown): string {
  const sentences: string[] = []
  for (
    let current: unknown = error;
    current !== undefined && sentences.length < 4;
    current = causeOf(current)
  ) {
    const sentence = sentenceOf(current)
    if (!sentences.some(earlier => earlier.includes(sentence))) sentences.push(sentence)
  }
  return sentences.join(' Cause: ')
}

function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // The SDK's own words for both are about the SDK.
  if (/requestTimeout/.test(error.message)) return 'AWS did not answer within 15 s'
  if (/Deserialization error/.test(error.message))
    return 'something that is not AWS answered in its place: look at the proxy and the endpoint of this runner'
  if (error.message !== '') return error.message
  // AggregateError of a refused connection has an empty message and its reasons inside.
  if (error instanceof AggregateError) return error.errors.map(sentenceOf).join('; ')
  return error.name
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined
}
