import { type Environment, setVariable } from './environment.ts'

/** The bucket that web and worker hand each other events through. */
export type EventBucket = {
  readonly prefix: string
  put(key: string, value: unknown): Promise<void>
  get(key: string): Promise<unknown>
}

/** LANGFUSE_S3_EVENT_UPLOAD_*; undefined where no bucket is named. */
export function eventBucket(env: Environment): EventBucket | undefined {
  const name = setVariable(env, 'LANGFUSE_S3_EVENT_UPLOAD_BUCKET')
  const endpoint =
    setVariable(env, 'LANGFUSE_S3_EVENT_UPLOAD_ENDPOINT') ?? setVariable(env, 'AWS_ENDPOINT_URL')
  if (name === undefined || endpoint === undefined) return undefined
  const region =
    setVariable(env, 'LANGFUSE_S3_EVENT_UPLOAD_REGION') ?? setVariable(env, 'AWS_REGION') ?? 'us-east-1'
  const call = async (method: 'GET' | 'PUT', key: string, body?: string): Promise<string> => {
    const response = await fetch(`${endpoint}/${name}/${key}`, {
      method,
      // The sandbox wants to know who and where for, and believes it.
      headers: {
        authorization: `AWS4-HMAC-SHA256 Credential=AKIASANDBOX/20260101/${region}/s3/aws4_request`,
      },
      ...(body !== undefined && { body }),
    })
    const text = await response.text()
    if (response.ok) return text
    throw new Error(
      `${/<Code>(.*?)<\/Code>/.exec(text)?.[1]}: ${/<Message>(.*?)<\/Message>/.exec(text)?.[1]}`,
    )
  }
  return {
    prefix: env.LANGFUSE_S3_EVENT_UPLOAD_PREFIX ?? '',
    put: async (key, value) => void (await call('PUT', key, JSON.stringify(value))),
    get: async key => JSON.parse(await call('GET', key)),
  }
}
