/**
 * What AWS describes, whole. The SDK keeps only the members that its version of the service's model knows: a task
 * definition copied through it would lose whatever ECS has learnt since. These two steps stand next to the wire,
 * where the JSON is still what it was (https://github.com/aws/aws-sdk-js-v3#middleware-stack).
 */
type Handler = (args: { request: { body?: unknown } }) => Promise<{ response: { body?: unknown } }>
type Step = { readonly step: 'serialize' | 'deserialize'; readonly priority: 'low'; readonly name: string }
type Stack = { add(middleware: (next: Handler) => Handler, options: Step): void }
type Command = { readonly middlewareStack: unknown }

/** Makes a command keep its answer's JSON; the function gives it once the command was sent. */
export function keepAnswer(command: Command): () => Readonly<Record<string, unknown>> {
  let kept: Readonly<Record<string, unknown>> = {}
  stackOf(command).add(
    next => async args => {
      const result = await next(args)
      const body = await bytesOf(result.response.body)
      result.response.body = body
      kept = objectOf(body)
      return result
    },
    { step: 'deserialize', priority: 'low', name: 'keepAnswer' },
  )
  return () => kept
}

/** Sends `document` as the command's JSON, instead of what the SDK made of the command's input. */
export function sendWhole(command: Command, document: Readonly<Record<string, unknown>>): void {
  stackOf(command).add(
    next => args => {
      args.request.body = JSON.stringify(document)
      return next(args)
    },
    { step: 'serialize', priority: 'low', name: 'sendWhole' },
  )
}

function stackOf(command: Command): Stack {
  return command.middlewareStack as Stack
}

async function bytesOf(body: unknown): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body as AsyncIterable<Uint8Array>) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** An error's body may be anything: it is the SDK's to read. */
function objectOf(body: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(body).toString())
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
