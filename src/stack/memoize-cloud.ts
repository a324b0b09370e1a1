import type { Cloud } from '../ports/cloud.ts'
import { findImage } from './observe-registry.ts'

/** The same cloud for one observation: answers that several parts need are requested once. */
export function memoizeCloud(cloud: Cloud): Cloud {
  const { ecs, ecr, aurora } = cloud
  const images = memoized(ecr.images)
  return {
    ...cloud,
    aurora: { ...aurora, clusters: memoized(aurora.clusters) },
    ecs: { ...ecs, taskDefinition: memoized(ecs.taskDefinition) },
    ecr: {
      ...ecr,
      images,
      // All images of a repository are read anyway.
      image: async (repository, wanted) => findImage({ images: await images(repository) }, wanted),
    },
  }
}

function memoized<Asked extends readonly unknown[], Answer>(
  ask: (...asked: Asked) => Promise<Answer>,
): (...asked: Asked) => Promise<Answer> {
  const answers = new Map<string, Promise<Answer>>()
  return (...asked) => {
    const key = JSON.stringify(asked)
    const answer = answers.get(key) ?? ask(...asked)
    answers.set(key, answer)
    return answer
  }
}
