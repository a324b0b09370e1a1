# Fixes for what verify finds in the article's module (tubone24/langfuse-v3-terraform), for a stack that runs and has data.
# Change these members of the module's resources; keep all other members. docs/module-defects.md lists every defect.
#
# Sequence: one fix at a time, from 1 to 10, none during a deploy. For each: change, `terraform plan`, read it, `terraform
# apply`, then verify with the checks named here. Never apply a plan that replaces or destroys the EFS file system, the
# RDS cluster, the cache, an ECR repository or a password. Take backups first (fixes 1 and 2): no later fix has another way back.

# 1. file-backups. Check: file-backups passes after the first backup, up to a day later. Until then, start one in AWS Backup.
resource "aws_efs_backup_policy" "clickhouse_data" {
  file_system_id = aws_efs_file_system.clickhouse_data.id
  backup_policy {
    status = "ENABLED"
  }
}

# 2. database-backups. No downtime. `terraform destroy` reads the last three members from its state: apply them before.
# A final snapshot needs a name that no snapshot has yet. Check: database-backups.
resource "aws_rds_cluster" "langfuse_aurora_cluster" {
  backup_retention_period   = 14
  deletion_protection       = true
  skip_final_snapshot       = false
  final_snapshot_identifier = "langfuse-final"

  # 10. database-version, last, and not together with a Langfuse upgrade: the databases are away for minutes.
  # Before: stop web and worker, take a snapshot (there is no way back to 15 but a restore), and see the versions that AWS
  # offers: aws rds describe-db-engine-versions --engine aurora-postgresql --engine-version 15.6 \
  #   --query 'DBEngineVersions[].ValidUpgradeTarget[?IsMajorVersionUpgrade].EngineVersion'
  # AWS refuses a major upgrade without allow_major_version_upgrade, and waits for the maintenance window without
  # apply_immediately. If you gave the cluster or its instance parameter groups of your own, it also needs groups of the new
  # family, in the same apply: db_cluster_parameter_group_name and db_instance_parameter_group_name.
  # After: ANALYZE in the database, then start worker and web. Check: database-version, postgres-schema.
  engine_version              = "16"
  allow_major_version_upgrade = true
  apply_immediately           = true
}

# 3. clickhouse-single-writer, circuit-breaker: ECS's defaults (100 % and 200 %) start a second ClickHouse on the same files.
# Before every fix that changes ClickHouse's task definition. Starts no task. Check: clickhouse-single-writer.
resource "aws_ecs_service" "clickhouse" {
  name                               = "clickhouse"
  cluster                            = aws_ecs_cluster.langfuse.id
  task_definition                    = aws_ecs_task_definition.clickhouse.arn
  desired_count                      = 1
  deployment_minimum_healthy_percent = 0
  deployment_maximum_percent         = 100

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  lifecycle {
    # The actions deploy the image. Without this, Terraform restores the old one. With it, Terraform registers a revision
    # and no service uses it: fixes 5, 6 and 7 say how it gets there.
    ignore_changes = [task_definition]
  }
}

# 4. image-tags, image-mutability, image-retention, rollback-image: keep enough images for a rollback, and never move a tag.
# Before: in each task definition and in App Runner, write the release that runs instead of :latest, because an immutable
# repository refuses the next push of :latest. Keep each repository's name: another name replaces it with an empty one.
# Do the same for langfuse_worker and clickhouse. Check: image-tags, image-mutability, image-retention, rollback-image.
resource "aws_ecr_repository" "langfuse_web" {
  name                 = "langfuse-web"
  image_tag_mutability = "IMMUTABLE"
}

resource "aws_ecr_lifecycle_policy" "image_count_cleanup_langfuse_web" {
  repository = aws_ecr_repository.langfuse_web.name
  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "Delete untagged images after two weeks; keep releases."
      selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 14 }
      action       = { type = "expire" }
    }]
  })
}

# 5. efs-access-point: ClickHouse acts as its own user (uid 101), and its files cross the network encrypted.
# The module's ClickHouse has its data in the root of the volume, so the path is "/". Any other path starts an EMPTY
# ClickHouse, which answers /ping: verify's check efs-volume then fails with "has no data". If that happens, set the service
# back to the earlier revision: nothing is lost.
# Before: verify's check efs-mounted must say that 101 owns the files (the image's entry point changes them at its start).
# After the apply, give the service the new revision, in which the image must be the one that runs:
#   aws ecs update-service --cluster langfuse --service clickhouse --task-definition clickhouse
#   aws ecs wait services-stable --cluster langfuse --services clickhouse
# Traces wait in Valkey while ClickHouse restarts. Check: efs-access-point, efs-volume, efs-mounted, clickhouse-tables.
resource "aws_efs_access_point" "clickhouse" {
  file_system_id = aws_efs_file_system.clickhouse_data.id
  posix_user {
    uid = 101
    gid = 101
  }
  root_directory {
    path = "/"
  }
}

resource "aws_ecs_task_definition" "clickhouse" {
  family = "clickhouse"
  volume {
    name = "clickhouse_data"
    efs_volume_configuration {
      file_system_id     = aws_efs_file_system.clickhouse_data.id
      root_directory     = "/"
      transit_encryption = "ENABLED"
      authorization_config {
        access_point_id = aws_efs_access_point.clickhouse.id
      }
    }
  }
}

locals {
  # 6. clickhouse-stop, clickhouse-health-check, clickhouse-open-files, plain-secrets: members of the container definition.
  # The secret must hold the password that ClickHouse, web and worker have now: a new one locks all three out. Keep
  # random_password.clickhouse_password as it is too: other arguments make a new password.
  # The new revision gets to the service as in 5. Check: the four named here, clickhouse-ping.
  clickhouse_container = {
    stopTimeout = 120
    ulimits     = [{ name = "nofile", softLimit = 262144, hardLimit = 262144 }]
    healthCheck = {
      command     = ["CMD-SHELL", "wget --no-verbose --tries=1 --spider http://127.0.0.1:8123/ping || exit 1"]
      interval    = 5
      timeout     = 5
      retries     = 10
      startPeriod = 300
    }
    secrets = [
      { name = "CLICKHOUSE_PASSWORD", valueFrom = aws_secretsmanager_secret.clickhouse_password.arn },
    ]
  }

  # 7. worker-health-check, environment-names, environment-values, environment-pairs, valkey-tls: the worker's task definition
  # misspells ENCRYPTION_KEY as ENCRIPTION_KEY, so the worker cannot decrypt what the web encrypts. The secret must hold the
  # web's key: with another one, nobody can read the stored LLM keys again.
  # ECS reads it with the execution role, which the module allows.
  # The new revision gets to the service as in 5, with --service langfuse_worker --task-definition langfuse-worker.
  # Check: the five named here.
  worker_container = {
    healthCheck = {
      command     = ["CMD-SHELL", "wget -q --spider http://127.0.0.1:3030/api/health || exit 1"]
      interval    = 30
      timeout     = 5
      retries     = 3
      startPeriod = 120
    }
  }
  worker_secrets = [
    { name = "ENCRYPTION_KEY", valueFrom = aws_secretsmanager_secret.encryption_key.arn },
  ]
  worker_environment = [
    { name = "HOSTNAME", value = "0.0.0.0" },
    { name = "NEXTAUTH_URL", value = "https://langfuse.${var.custom_domain_name}" },
    { name = "NODE_OPTIONS", value = "--max-old-space-size=3072" },
    # Set this on the web too, in fix 8.
    { name = "REDIS_TLS_ENABLED", value = "true" },
  ]
}

resource "aws_secretsmanager_secret" "encryption_key" {
  name_prefix = "langfuse_encryption_key"
}

resource "aws_secretsmanager_secret_version" "encryption_key" {
  secret_id     = aws_secretsmanager_secret.encryption_key.id
  secret_string = var.encryption_key
}

# 8. web-health-check, web-health-window, automatic-deployments: a TCP check passes before the web answers, and an edit in
# the console resets the check to TCP. A push to ECR must not deploy by itself. App Runner deploys again with the image that
# runs. Check: the three named here, web-health.
resource "aws_apprunner_service" "langfuse_web" {
  service_name = "langfuse_web"

  health_check_configuration {
    protocol            = "HTTP"
    path                = "/api/public/health"
    interval            = 20
    timeout             = 20
    unhealthy_threshold = 20
  }

  source_configuration {
    auto_deployments_enabled = false
    image_repository {
      image_repository_type = "ECR"
      image_identifier      = "${aws_ecr_repository.langfuse_web.repository_url}:2.93.7"
    }
  }

  lifecycle {
    ignore_changes = [source_configuration[0].image_repository[0].image_identifier]
  }
}

# 9. valkey: any other policy may evict BullMQ's locks; the worker then stops without an error. The cache keeps its jobs.
# Check: valkey.
resource "aws_elasticache_parameter_group" "valkey" {
  name   = "langfuse-noeviction"
  family = "valkey7"
  parameter {
    name  = "maxmemory-policy"
    value = "noeviction"
  }
}

resource "aws_elasticache_replication_group" "langfuse_cache" {
  parameter_group_name = aws_elasticache_parameter_group.valkey.name
  apply_immediately    = true
}

# Not Terraform's: clickhouse-minimum. Langfuse 4 needs ClickHouse 25.12 or later: push clickhouse/clickhouse-server:25.12
# instead of :24, and let deploy roll it out with `clickhouse-version`.
