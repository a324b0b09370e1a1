import { serviceAnswer as appRunnerAnswer } from './apprunner/api.ts'
import type { AppRunner } from './apprunner/world.ts'
import { serviceAnswer, serviceDeploymentAnswer, taskAnswer } from './ecs/answers.ts'
import { expressAnswer, isExpress } from './ecs/express-api.ts'
import type { Ecs } from './ecs/world.ts'
import type { JsonObject } from './json.ts'
import type { View } from './lag.ts'

/** What the lagging services show, object by object. */
export function laggedViews(ecs: Ecs, appRunner: AppRunner): Readonly<Record<string, View>> {
  return { ecs: () => ecsObjects(ecs), apprunner: () => appRunnerObjects(appRunner) }
}

function* ecsObjects(ecs: Ecs): Generator<readonly [string, JsonObject]> {
  for (const cluster of ecs.clusters.values()) {
    for (const task of cluster.tasks.values()) yield [task.arn, taskAnswer(task, true)]
    for (const service of cluster.services.values()) {
      yield [service.arn, serviceAnswer(service, true)]
      if (isExpress(service)) yield [`express ${service.arn}`, expressAnswer(service, true)]
      for (const record of service.serviceDeployments)
        yield [record.arn, serviceDeploymentAnswer(service, record)]
    }
  }
}

function* appRunnerObjects(appRunner: AppRunner): Generator<readonly [string, JsonObject]> {
  for (const service of appRunner.services.values()) yield [service.arn, appRunnerAnswer(service)]
}
