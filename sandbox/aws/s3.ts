import type { IncomingMessage } from 'node:http'
import { REGION } from './ids.ts'

/**
 * S3 as far as Langfuse uses it: objects by path-style address, listed by prefix. Who calls, and for which region, is
 * what the request is signed for; signatures themselves are not looked at, as nowhere in the sandbox.
 */
export function makeS3(): S3 {
  const buckets = new Map<string, Bucket>()
  const s3: S3 = {
    buckets,
    createBucket: (name, region = REGION) => {
      const bucket: Bucket = { name, region, objects: new Map(), denied: new Set() }
      buckets.set(name, bucket)
      return bucket
    },
    answer: (request, body) => {
      const region = signedFor(request)
      return region === undefined ? undefined : answer(s3, { request, body, region })
    },
  }
  return s3
}

export type S3 = {
  readonly buckets: Map<string, Bucket>
  createBucket(name: string, region?: string): Bucket
  /** undefined when the request is not for S3. */
  answer(request: IncomingMessage, body: string): S3Answer | undefined
}

export type Bucket = {
  readonly name: string
  /** A test moves it: whoever signs for another one is redirected. */
  region: string
  readonly objects: Map<string, string>
  /** Methods that the policy denies to everybody. */
  readonly denied: Set<'GET' | 'PUT' | 'DELETE'>
}

export type S3Answer = { readonly status: number; readonly body: string }

/** The region of `Credential=KEY/DATE/REGION/s3/aws4_request`; undefined when it is for another service. */
function signedFor({ headers }: IncomingMessage): string | undefined {
  return /Credential=[^/]+\/\d+\/([^/]+)\/s3\/aws4_request/.exec(headers.authorization ?? '')?.[1]
}

type Asked = { readonly request: IncomingMessage; readonly body: string; readonly region: string }

function answer({ buckets }: S3, { request, body, region }: Asked): S3Answer {
  const url = new URL(request.url ?? '/', 'http://s3')
  const [name = '', ...path] = decodeURIComponent(url.pathname).slice(1).split('/')
  const bucket = buckets.get(name)
  if (bucket === undefined) return problem(404, 'NoSuchBucket', 'The specified bucket does not exist')
  if (region !== bucket.region) return problem(301, 'PermanentRedirect', REDIRECT)
  const method = request.method ?? 'GET'
  if ([...bucket.denied].some(denied => denied === method))
    return problem(403, 'AccessDenied', 'Access Denied')
  const key = path.join('/')
  if (method === 'PUT') {
    bucket.objects.set(key, body)
    return { status: 200, body: '' }
  }
  if (method === 'DELETE') {
    bucket.objects.delete(key)
    return { status: 204, body: '' }
  }
  if (key === '') return list(bucket, url.searchParams.get('prefix') ?? '')
  const object = bucket.objects.get(key)
  return object === undefined
    ? problem(404, 'NoSuchKey', 'The specified key does not exist.')
    : { status: 200, body: object }
}

function list({ name, objects }: Bucket, prefix: string): S3Answer {
  const keys = [...objects.keys()].filter(key => key.startsWith(prefix)).toSorted()
  const contents = keys.map(key => `<Contents><Key>${key}</Key></Contents>`).join('')
  return {
    status: 200,
    body: `<ListBucketResult><Name>${name}</Name><KeyCount>${keys.length}</KeyCount>${contents}</ListBucketResult>`,
  }
}

const REDIRECT =
  'The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint.'

function problem(status: number, code: string, message: string): S3Answer {
  return { status, body: `<Error><Code>${code}</Code><Message>${message}</Message></Error>` }
}
