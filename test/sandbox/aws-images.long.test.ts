import { createHash } from 'node:crypto'
import {
  BatchGetImageCommand,
  DescribeImagesCommand,
  ECRClient,
  GetAuthorizationTokenCommand,
  GetDownloadUrlForLayerCommand,
} from '@aws-sdk/client-ecr'
import { expect, test } from '@jest/globals'
import { REGISTRY } from '../../sandbox/aws/ids.ts'
import { push, withSandbox } from './aws-helpers.ts'

const HUB = 'docker.io/langfuse/langfuse:3.0.0'
const sha256 = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`

test('an image copied from another registry has its digest, its index and its platforms', async () => {
  await withSandbox({}, async sandbox => {
    const { images } = sandbox.world
    const published = images.publish(HUB, { program: { kind: 'web', release: '3.0.0' } })
    expect(images.anywhere('langfuse/langfuse:3.0.0')).toBe(published)
    expect(images.find(HUB)).toMatchObject({ found: false })
    const copied = await fetch(
      `${sandbox.endpoint}/_sandbox/mirror?from=${HUB}&to=${REGISTRY}/langfuse-web:3.0.0`,
    )
    expect(await copied.json()).toEqual({ digest: published.digest })

    const ecr = new ECRClient({
      endpoint: sandbox.endpoint,
      region: 'ap-northeast-1',
      credentials: { accessKeyId: 'AKIASANDBOX', secretAccessKey: 'sandbox' },
    })
    const repositoryName = 'langfuse-web'
    const described = await ecr.send(
      new DescribeImagesCommand({ repositoryName, imageIds: [{ imageTag: '3.0.0' }] }),
    )
    expect(described.imageDetails).toMatchObject([{ imageDigest: published.digest, imageTags: ['3.0.0'] }])
    const get = (id: { imageTag?: string; imageDigest?: string }) =>
      ecr.send(new BatchGetImageCommand({ repositoryName, imageIds: [id] }))
    const [index] = (await get({ imageTag: '3.0.0' })).images ?? []
    expect(sha256(index?.imageManifest ?? '')).toBe(published.digest)
    const { manifests } = JSON.parse(index?.imageManifest ?? '')
    expect(manifests).toMatchObject([
      { platform: { os: 'linux', architecture: 'amd64' } },
      { platform: { os: 'unknown', architecture: 'unknown' } },
      { platform: { os: 'linux', architecture: 'arm64' } },
      { platform: { os: 'unknown', architecture: 'unknown' } },
    ])
    const [arm] = (await get({ imageDigest: manifests[2].digest })).images ?? []
    const { config } = JSON.parse(arm?.imageManifest ?? '')
    const { downloadUrl } = await ecr.send(
      new GetDownloadUrlForLayerCommand({ repositoryName, layerDigest: config.digest }),
    )
    expect(await (await fetch(downloadUrl ?? '')).json()).toMatchObject({ architecture: 'arm64' })
    expect(images.find(`${REGISTRY}/langfuse-web@${manifests[2].digest}`)).toMatchObject({
      image: { platforms: ['linux/arm64'] },
    })
    expect((await get({ imageTag: '9.9.9' })).failures).toMatchObject([{ failureCode: 'ImageNotFound' }])
    const token = await ecr.send(new GetAuthorizationTokenCommand({}))
    expect(token.authorizationData?.[0]?.proxyEndpoint).toBe(`https://${REGISTRY}`)
  })
})

test('an image of one platform may have no index', async () => {
  await withSandbox({}, async sandbox => {
    push(sandbox, 'one', { kind: 'scripted' }, { platforms: ['linux/arm64'], single: true })
    const { images } = await sandbox.world.call('ecr', 'BatchGetImage', {
      repositoryName: 'app',
      imageIds: [{ imageTag: 'one' }],
    })
    expect(images).toMatchObject([{ imageManifestMediaType: 'application/vnd.oci.image.manifest.v1+json' }])
  })
})
