import type { Cloud } from '../ports/cloud.ts'
import { findImage } from './registry.ts'

/** The same cloud for one look at all of it: what several parts of the picture need is asked for once. */
export function askingOnce(cloud: Cloud): Cloud {
  const { ecs, ecr, aurora } = cloud
  const images = remembered(ecr.images)
  return {
    ...cloud,
    aurora: { ...aurora, clusters: remembered(aurora.clusters) },
    ecs: { ...ecs, taskDefinition: remembered(ecs.taskDefinition) },
    ecr: {
      ...ecr,
      images,
      // All of a repository are read anyway, for what it keeps of them.
      image: async (repository, wanted) => findImage({ images: await images(repository) }, wanted),
    },
  }
}

function remembered<Asked extends readonly unknown[], Answer>(
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
