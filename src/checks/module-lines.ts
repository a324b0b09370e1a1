/**
 * Where the article's Terraform module (tubone24/langfuse-v3-terraform, commit a711e1d) has what a check warns of, and
 * what to write there instead. Files are those of `modules/langfuse`. docs/module-defects.md is made from this.
 */
export const MODULE_LINES = {
  percents: {
    file: 'ecs.tf',
    resource: 'aws_ecs_service.clickhouse',
    change: 'deployment_minimum_healthy_percent = 0, deployment_maximum_percent = 100',
    wrong: 'no deployment percents, so 100 and 200: a rollout starts a second ClickHouse on the same files',
    check: 'clickhouse-single-writer',
  },
  breaker: {
    file: 'ecs.tf',
    resource: 'aws_ecs_service.clickhouse, aws_ecs_service.langfuse_worker',
    change: 'deployment_circuit_breaker { enable = true, rollback = true }',
    wrong: 'no circuit breaker: a rollout whose tasks cannot start never ends',
    check: 'circuit-breaker',
  },
  stopTimeout: {
    file: 'ecs.tf',
    resource: 'aws_ecs_task_definition.clickhouse',
    change: 'stopTimeout = 120',
    wrong: 'no stopTimeout, so 30 s: ClickHouse is killed while it writes',
    check: 'clickhouse-stop',
  },
  startPeriod: {
    file: 'ecs.tf',
    resource: 'aws_ecs_task_definition.clickhouse',
    change: 'healthCheck = { …, startPeriod = 300 }',
    wrong: 'a container health check that gives ClickHouse 50 s to read its parts from EFS',
    check: 'clickhouse-health-check',
  },
  openFiles: {
    file: 'ecs.tf',
    resource: 'aws_ecs_task_definition.clickhouse',
    change: 'ulimits = [{ name = "nofile", softLimit = 262144, hardLimit = 262144 }]',
    wrong: 'nofile 65535, a quarter of what ClickHouse asks for',
    check: 'clickhouse-open-files',
  },
  workerHealth: {
    file: 'ecs.tf',
    resource: 'aws_ecs_task_definition.langfuse_worker',
    change:
      'healthCheck = { command = ["CMD-SHELL", "wget -q --spider http://127.0.0.1:3030/api/health || exit 1"], … }',
    wrong: 'no container health check on the worker: ECS calls one healthy that does nothing',
    check: 'worker-health-check',
  },
  encryptionKey: {
    file: 'ecs.tf',
    resource: 'aws_ecs_task_definition.langfuse_worker',
    change: 'name = "ENCRYPTION_KEY"',
    wrong: '`ENCRIPTION_KEY`: the worker has no encryption key',
    check: 'environment-names',
  },
  heap: {
    file: 'ecs.tf',
    resource: 'aws_ecs_task_definition.langfuse_worker',
    change: 'name = "NODE_OPTIONS", value = "--max-old-space-size=3072"',
    wrong: 'a heap of 4096 MiB in a task of 4096 MiB',
    check: 'environment-values',
  },
  hostname: {
    file: 'ecs.tf',
    resource: 'aws_ecs_task_definition.langfuse_worker',
    change: 'name = "HOSTNAME", value = "0.0.0.0"',
    wrong: 'no HOSTNAME on the worker: it does not listen on 127.0.0.1',
    check: 'environment-values',
  },
  nextauthUrl: {
    file: 'ecs.tf',
    resource: 'aws_ecs_task_definition.langfuse_worker',
    change: `name = "NEXTAUTH_URL", value = "https://langfuse.\${var.custom_domain_name}"`,
    wrong: 'no NEXTAUTH_URL on the worker, where it has to be what it is on the web',
    check: 'environment-pairs',
  },
  obsolete: {
    file: 'app_runner.tf',
    resource: 'aws_apprunner_service.langfuse_web',
    change:
      'remove S3_BUCKET_NAME, LANGFUSE_S3_MEDIA_UPLOAD_ENABLED, LANGFUSE_READ_FROM_POSTGRES_ONLY, LANGFUSE_READ_FROM_CLICKHOUSE_ONLY and LANGFUSE_RETURN_FROM_CLICKHOUSE',
    wrong: 'variables that only v2 reads',
    check: 'environment-names',
  },
  plainSecrets: {
    file: 'app_runner.tf, ecs.tf',
    resource:
      'aws_apprunner_service.langfuse_web, aws_ecs_task_definition.langfuse_worker, aws_ecs_task_definition.clickhouse',
    change: 'read them from aws_secretsmanager_secret in runtime_environment_secrets and secrets',
    wrong: 'secrets as plain environment values: whoever may describe a task definition reads them',
    check: 'plain-secrets',
  },
  passwordLetters: {
    file: 'secrets_manager.tf',
    resource: 'random_password.clickhouse_password',
    change: 'special = false',
    wrong: 'a password that may hold %, which breaks the URL of the ClickHouse migrations',
    check: 'environment-values',
  },
  parameterGroup: {
    file: 'elastic_cache.tf',
    resource: 'aws_elasticache_replication_group.langfuse_cache',
    change: 'parameter_group_name = a group of family valkey7 with maxmemory-policy = noeviction',
    wrong: 'default.valkey7, whose maxmemory-policy is volatile-lru: locks of the queues are evicted',
    check: 'valkey',
  },
  tls: {
    file: 'app_runner.tf, ecs.tf',
    resource: 'aws_apprunner_service.langfuse_web, aws_ecs_task_definition.langfuse_worker',
    change: 'REDIS_TLS_ENABLED = "true"',
    wrong: 'a cache with encryption in transit that web and worker talk to in plain text',
    check: 'valkey-tls',
  },
  floating: {
    file: 'app_runner.tf, ecs.tf',
    resource:
      'aws_apprunner_service.langfuse_web, aws_ecs_task_definition.langfuse_worker, aws_ecs_task_definition.clickhouse',
    change: 'an exact release instead of :latest, and ignore_changes on it once the actions deploy',
    wrong: 'all images are `:latest`: the next start of a task may be another release',
    check: 'image-tags',
  },
  mutable: {
    file: 'ecr.tf',
    resource:
      'aws_ecr_repository.langfuse_web, aws_ecr_repository.langfuse_worker, aws_ecr_repository.clickhouse',
    change: 'image_tag_mutability = "IMMUTABLE"',
    wrong: 'tags that can be moved to another image',
    check: 'image-mutability',
  },
  retention: {
    file: 'ecr.tf',
    resource: 'aws_ecr_lifecycle_policy.image_count_cleanup_langfuse_web, …_langfuse_worker, …_clickhouse',
    change: 'selection = { tagStatus = "untagged", … }',
    wrong: 'five images are kept whatever runs: the image that runs, and the one to go back to, are deleted',
    check: 'image-retention',
  },
  clickhouseTag: {
    file: 'README.md',
    resource: 'Push Docker Images to ECR',
    change: 'docker pull clickhouse/clickhouse-server:25.12',
    wrong: '`clickhouse-server:24`, which v4 does not work on, and more than a year behind what it needs',
    check: 'clickhouse-minimum',
  },
  webHealth: {
    file: 'app_runner.tf',
    resource: 'aws_apprunner_service.langfuse_web',
    change:
      'health_check_configuration { protocol = "HTTP", path = "/api/public/health", interval = 20, timeout = 20, unhealthy_threshold = 20 }',
    wrong: 'no health_check_configuration, so TCP: a web that answers errors is healthy',
    check: 'web-health-check',
  },
  webWindow: {
    file: 'app_runner.tf',
    resource: 'aws_apprunner_service.langfuse_web',
    change: 'health_check_configuration { …, interval = 20, unhealthy_threshold = 20 }',
    wrong: 'the default window of 25 s: a web that starts more slowly is rolled back',
    check: 'web-health-window',
  },
  autoDeployments: {
    file: 'app_runner.tf',
    resource: 'aws_apprunner_service.langfuse_web',
    change: 'source_configuration { auto_deployments_enabled = false, … }',
    wrong: 'automatic deployments left on: a push to ECR is a deploy that nobody planned',
    check: 'automatic-deployments',
  },
  auroraVersion: {
    file: 'rds.tf',
    resource: 'aws_rds_cluster.langfuse_aurora_cluster',
    change: 'engine_version = "16"',
    wrong: 'PostgreSQL 15.6, the oldest major that v4 works on',
    check: 'database-version',
  },
  auroraRetention: {
    file: 'rds.tf',
    resource: 'aws_rds_cluster.langfuse_aurora_cluster',
    change: 'backup_retention_period = 14',
    wrong: 'backups of five days',
    check: 'database-backups',
  },
  deletionProtection: {
    file: 'rds.tf',
    resource: 'aws_rds_cluster.langfuse_aurora_cluster',
    change: 'deletion_protection = true',
    wrong: 'with force_delete = true no deletion protection',
    check: 'database-backups',
  },
  finalSnapshot: {
    file: 'rds.tf',
    resource: 'aws_rds_cluster.langfuse_aurora_cluster',
    change: 'skip_final_snapshot = false',
    wrong:
      'no final snapshot when the cluster is deleted (AWS does not show it: it is named with the backups)',
    check: 'database-backups',
  },
  fileBackups: {
    file: 'efs.tf',
    resource: 'aws_efs_backup_policy (to add)',
    change: 'backup_policy { status = "ENABLED" }',
    wrong: "no backup of ClickHouse's files",
    check: 'file-backups',
  },
  accessPoint: {
    file: 'efs.tf, ecs.tf',
    resource: 'aws_efs_access_point (to add), aws_ecs_task_definition.clickhouse',
    change: 'posix_user { uid = 101, gid = 101 }, authorization_config { access_point_id = … }',
    wrong: 'the root directory, which belongs to root, without an access point',
    check: 'efs-access-point',
  },
  transitEncryption: {
    file: 'ecs.tf',
    resource: 'aws_ecs_task_definition.clickhouse',
    change: 'efs_volume_configuration { transit_encryption = "ENABLED", … }',
    wrong: 'files that go over the network in plain text',
    check: 'efs-access-point',
  },
} as const satisfies Readonly<Record<string, ModuleLine>>

export type ModuleLine = {
  readonly file: string
  readonly resource: string
  /** What to write there. */
  readonly change: string
  /** What stands there, for people. */
  readonly wrong: string
  /** The check that finds it. */
  readonly check: string
}

/** What a sentence ends with when the module is the likely origin: ` Terraform: ecs.tf, …: …`. */
export function inModule(...ids: readonly (keyof typeof MODULE_LINES)[]): string {
  const lines = ids.map(id => {
    const { file, resource, change } = MODULE_LINES[id]
    return `${file}, ${resource}: \`${change}\``
  })
  return lines.length === 0 ? '' : ` In the article's Terraform module: ${lines.join('; ')}.`
}
