import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DescribeServicesCommand, ECSClient } from '@aws-sdk/client-ecs'
import { expect, test } from '@jest/globals'
import { explaining } from '../../src/adapters/aws-errors.ts'
import { AwsFailure, explain } from '../../src/errors/errors.ts'

/** What a person reads of one call to ECS at this endpoint. */
async function failureAt(endpoint: string): Promise<unknown> {
  const credentials = { accessKeyId: 'AKIA', secretAccessKey: 'k' }
  const client = new ECSClient({ region: 'eu-west-1', endpoint, credentials, maxAttempts: 1 })
  explaining(client)
  return client.send(new DescribeServicesCommand({ services: ['x'] })).then(
    () => undefined,
    (error: unknown) => error,
  )
}

async function failureOf(answer: (response: ServerResponse) => void): Promise<unknown> {
  const server = createServer((_request, response) => answer(response))
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const error = await failureAt(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  server.close()
  return error
}

const error = (status: number, type: string, message: string) => (response: ServerResponse) => {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' })
  response.end(JSON.stringify({ __type: type, message }))
}
const text = (status: number, body: string) => (response: ServerResponse) => {
  response.writeHead(status, { 'content-type': 'text/html' })
  response.end(body)
}

test.each([
  [
    'the HTML of a proxy',
    text(502, '<html>Bad Gateway</html>'),
    /^Not ECS but another server answered DescribeServices \(HTTP 502\), .*proxy and AWS_ENDPOINT_URL/,
  ],
  [
    'the login page of a proxy',
    text(200, '<html>Sign in</html>'),
    /^Not ECS but another server answered DescribeServices \(HTTP 200\)/,
  ],
  ['a 503 that is no JSON', text(503, 'overloaded'), /DescribeServices \(HTTP 503\).*then run again\.$/],
  [
    'a 500 of AWS',
    error(500, 'ServerException', 'no'),
    /^ECS failed at DescribeServices in every attempt \(HTTP 500: ServerException\)\. Check https:\/\/health\.aws/,
  ],
  [
    'expired credentials',
    error(400, 'ExpiredTokenException', 'The security token included in the request is expired'),
    /^The AWS credentials of this job have expired \(ECS DescribeServices, HTTP 400\).*`role-duration-seconds`/,
  ],
  [
    'unknown credentials',
    error(400, 'UnrecognizedClientException', 'The security token included in the request is invalid'),
    /^AWS does not accept the credentials of this job \(ECS DescribeServices, HTTP 400: Unrec.*configure-aws-credentials/,
  ],
  [
    'a clock that is wrong',
    error(
      400,
      'InvalidSignatureException',
      'Signature expired: 20261130T100000Z is now earlier than 20261130T101500Z',
    ),
    /^The clock of this runner is wrong.*Synchronise the clock/,
  ],
  [
    'a secret key of another access key',
    error(400, 'InvalidSignatureException', 'The request signature we calculated does not match'),
    /the secret key does not belong to the access key/,
  ],
  [
    'a connection that is cut',
    (response: ServerResponse) => response.destroy(),
    /^ECS did not answer DescribeServices: there is no connection \(ECONNRESET\)/,
  ],
])('%s: one sentence with service, operation, status and remedy', async (_what, answer, sentence) => {
  const failure = await failureOf(answer)
  expect(failure).toBeInstanceOf(AwsFailure)
  expect(explain(failure)).toMatch(sentence)
  expect(explain(failure)).not.toMatch(/Cause:|Deserialization/)
})

test.each([
  [
    'nobody listens',
    'http://127.0.0.1:1',
    /^ECS did not answer DescribeServices: there is no connection \(ECONNREFUSED\).*proxy, firewall, VPC endpoint/,
  ],
  [
    'the name does not exist',
    'http://ecs.invalid',
    /^ECS did not answer DescribeServices: the name of its endpoint does not resolve \((ENOTFOUND|EAI_AGAIN)\)\. Check input `aws-region`/,
  ],
])('where %s, the sentence names the endpoint', async (_what, endpoint, sentence) => {
  expect(explain(await failureAt(endpoint))).toMatch(sentence)
})

test("what AWS itself says stays AWS's own error", async () => {
  const failure = await failureOf(error(400, 'ClusterNotFoundException', 'Cluster not found.'))
  expect(failure).toMatchObject({ name: 'ClusterNotFoundException', message: 'Cluster not found.' })
})
