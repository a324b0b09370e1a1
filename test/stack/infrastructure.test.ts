import { expect, test } from '@jest/globals'
import type { Cloud } from '../../src/ports/cloud.ts'
import { memoizeCloud } from '../../src/stack/infrastructure.ts'
import { observeNetwork } from '../../src/stack/observe-network.ts'
import { type Inside, unseenInside } from '../../src/stack/probe-inside.ts'
import { known } from '../../src/stack/stack.ts'
import { identity, stackOn2 } from '../support/stack.ts'

/** A small account; `asked` has the calls in their order. */
function account(asked: string[]): Cloud {
  const answer =
    <Value>(name: string, value: Value) =>
    async () => {
      asked.push(name)
      return value
    }
  const cluster = { kind: 'cluster', id: 'langfuse', engine: 'aurora-postgresql', endpoints: ['db.rds'] }
  return {
    region: 'ap-northeast-1',
    appRunner: { vpcConnector: answer('connector', { subnets: ['subnet-w'], securityGroups: ['sg-w'] }) },
    rds: { clusters: answer('clusters', [{ ...cluster, securityGroups: ['sg-db'], port: 5432 }]) },
    ecr: { images: answer('images', [{ digest: 'sha256:1', tags: ['3.0.0'], pushedAt: undefined }]) },
    ecs: {},
    ec2: {
      subnets: answer('subnets', []),
      interfaces: answer('interfaces', []),
      interfacesDescribed: answer('interfaces', []),
      securityGroups: async (ids: readonly string[]) => {
        asked.push(`groups ${ids.join()}`)
        return []
      },
    },
  } as unknown as Cloud
}

test('while an agent is on its way only the security groups of the stores wait for it', async () => {
  const asked: string[] = []
  const nobody = unseenInside('not yet', 'not-asked')
  let arrive: (inside: Inside) => void = () => undefined
  const inside = new Promise<Inside>(resolve => {
    arrive = resolve
  })
  const stack = stackOn2()
  const files = Promise.resolve(stack.files)
  const network = observeNetwork(stack, account(asked), { files, inside })
  await new Promise(resolve => setImmediate(resolve))
  expect(asked).toEqual(expect.arrayContaining(['subnets']))
  expect(asked.filter(call => call.startsWith('groups'))).toEqual([])
  const seen = known(identity({ names: ['db.rds'] }), 'db.rds')
  arrive({ ...nobody, probe: { ...nobody.probe, identity: seen } })
  expect((await network).postgres).toMatchObject({ known: true, value: { name: 'Aurora cluster langfuse' } })
  expect(asked.find(call => call.startsWith('groups'))).toContain('sg-db')
})

test('what several parts of the picture need is asked for once, and an image is found among all of its repository', async () => {
  const asked: string[] = []
  const cloud = memoizeCloud(account(asked))
  const repository = { account: '1', region: 'ap-northeast-1', name: 'langfuse-web' }
  const found = await Promise.all([
    cloud.ecr.images(repository),
    cloud.ecr.image(repository, { tag: '3.0.0' }),
    cloud.ecr.image({ ...repository }, { digest: 'sha256:2' }),
  ])
  expect(found).toEqual([[expect.anything()], expect.objectContaining({ digest: 'sha256:1' }), undefined])
  await cloud.ecr.images({ ...repository, name: 'clickhouse' })
  expect(asked).toEqual(['images', 'images'])
})
