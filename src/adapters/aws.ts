import type { Cloud } from '../ports/cloud.ts'
import { appRunnerAdapter } from './aws-apprunner.ts'
import { backupAdapter } from './aws-backup.ts'
import { cloudMapAdapter } from './aws-cloud-map.ts'
import { ec2Adapter } from './aws-ec2.ts'
import { ecrAdapter } from './aws-ecr.ts'
import { ecsAdapter } from './aws-ecs.ts'
import { efsAdapter } from './aws-efs.ts'
import { logsAdapter } from './aws-logs.ts'
import { auroraAdapter } from './aws-rds.ts'

/** AWS in one region. Each client is loaded on first use, because clients dominate the start-up time. */
export function createCloud(region: string): Cloud {
  return {
    region,
    ecs: ecsAdapter(region),
    appRunner: appRunnerAdapter(region),
    ec2: ec2Adapter(region),
    efs: efsAdapter(region),
    cloudMap: cloudMapAdapter(region),
    ecr: ecrAdapter(region),
    logs: logsAdapter(region),
    aurora: auroraAdapter(region),
    backup: backupAdapter(region),
  }
}
