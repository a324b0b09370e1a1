import { AwsError } from '../errors.ts'
import { type JsonObject, type Reader, reader } from '../json.ts'
import { page } from '../paging.ts'
import type { Operations } from '../server.ts'
import { clusterAnswer } from './answers.ts'
import { expressOperations } from './express-api.ts'
import { serviceDeploymentOperations } from './service-deployments-api.ts'
import { serviceOperations } from './services-api.ts'
import { mergeTags, tagsOf } from './tags.ts'
import { taskDefinitionOperations } from './task-definitions.ts'
import { taskOperations } from './tasks-api.ts'
import type { Tag } from './types.ts'
import { clusterNamed, type Ecs } from './world.ts'

export function ecsOperations(ecs: Ecs): Operations {
  const ask = (handle: (ecs: Ecs, read: Reader) => JsonObject) => (input: JsonObject) =>
    handle(ecs, reader(input))
  return {
    CreateCluster: input => ({
      cluster: clusterAnswer(ecs.createCluster(input), ['TAGS', 'SETTINGS', 'CONFIGURATIONS']),
    }),
    DescribeClusters: ask(describeClusters),
    ListClusters: ask(listClusters),
    ListTagsForResource: ask((_, read) => ({ tags: taggedResource(ecs, read.needText('resourceArn')).tags })),
    TagResource: ask(tagResource),
    ...taskDefinitionOperations(ecs.definitions),
    ...serviceOperations(ecs),
    ...taskOperations(ecs),
    ...serviceDeploymentOperations(ecs),
    ...expressOperations(ecs),
  }
}

function describeClusters(ecs: Ecs, read: Reader): JsonObject {
  const names = read.texts('clusters').length > 0 ? read.texts('clusters') : ['default']
  const found = names.map(name => ({
    name,
    cluster: ecs.clusters.get(name.replace(/^arn:.*:cluster\//, '')),
  }))
  return {
    clusters: found.flatMap(({ cluster }) =>
      cluster ? [clusterAnswer(cluster, read.texts('include'))] : [],
    ),
    failures: found
      .filter(({ cluster }) => !cluster)
      .map(({ name }) => ({
        arn: `arn:aws:ecs:ap-northeast-1:123456789012:cluster/${name}`,
        reason: 'MISSING',
      })),
  }
}

function listClusters(ecs: Ecs, read: Reader): JsonObject {
  const arns = [...ecs.clusters.values()].map(cluster => cluster.arn)
  const { items, next } = page(arns, {
    token: read.text('nextToken'),
    size: read.number('maxResults'),
    limit: 100,
    invalid: 'InvalidParameterException',
  })
  return { clusterArns: items, nextToken: next }
}

function tagResource(ecs: Ecs, read: Reader): JsonObject {
  const resource = taggedResource(ecs, read.needText('resourceArn'))
  resource.tags = mergeTags(resource.tags, tagsOf(read.objects('tags')))
  return {}
}

/** By ARN: cluster, service, task or task definition. */
function taggedResource(ecs: Ecs, resource: string): { tags: readonly Tag[] } {
  const [, kind = '', rest = ''] = /^arn:aws:ecs:[^:]*:[^:]*:([a-z-]+)\/(.+)$/.exec(resource) ?? []
  const [cluster = '', name = ''] = rest.split('/')
  const found =
    kind === 'task-definition'
      ? ecs.definitions.find(rest)
      : kind === 'cluster'
        ? clusterNamed(ecs, rest)
        : kind === 'service'
          ? clusterNamed(ecs, cluster).services.get(name)
          : clusterNamed(ecs, cluster).tasks.get(name)
  if (found) return found
  throw new AwsError('InvalidParameterException', 'The specified resource was not found.')
}
