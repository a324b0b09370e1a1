# Fixes for what verify finds in the article's module (tubone24/langfuse-v3-terraform). Change these members of the
# module's resources; keep all other members. docs/module-defects.md lists every defect and its check.

# clickhouse-single-writer, circuit-breaker: ECS's defaults (100 % and 200 %) start a second ClickHouse on the same files.
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
    # The actions deploy the image. Without this, Terraform restores the old one.
    ignore_changes = [task_definition]
  }
}

# clickhouse-stop, clickhouse-health-check, clickhouse-open-files, plain-secrets: members of the container definitions.
locals {
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
  # worker-health-check
  worker_container = {
    healthCheck = {
      command     = ["CMD-SHELL", "wget -q --spider http://127.0.0.1:3030/api/health || exit 1"]
      interval    = 30
      timeout     = 5
      retries     = 3
      startPeriod = 120
    }
  }
}

# image-tags, image-mutability, image-retention, rollback-image: keep enough images for a rollback, and never move a tag.
# Do the same for langfuse_worker and clickhouse.
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

# efs-access-point: the access point creates the directory with ClickHouse's own owner (uid 101) instead of root.
resource "aws_efs_access_point" "clickhouse" {
  file_system_id = aws_efs_file_system.clickhouse_data.id
  posix_user {
    uid = 101
    gid = 101
  }
  root_directory {
    path = "/clickhouse"
    creation_info {
      owner_uid   = 101
      owner_gid   = 101
      permissions = "0750"
    }
  }
}

# file-backups
resource "aws_efs_backup_policy" "clickhouse_data" {
  file_system_id = aws_efs_file_system.clickhouse_data.id
  backup_policy {
    status = "ENABLED"
  }
}

# database-backups, database-version
resource "aws_rds_cluster" "langfuse_aurora_cluster" {
  engine_version          = "16"
  backup_retention_period = 14
  deletion_protection     = true
  skip_final_snapshot     = false
}

# web-health-check, web-health-window, automatic-deployments: a TCP check passes before the web answers, and an edit in
# the console resets the check to TCP. A push to ECR must not deploy by itself.
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

# environment-names, environment-values, environment-pairs, valkey-tls: the worker's task definition misspells
# ENCRYPTION_KEY as ENCRIPTION_KEY, so the worker cannot decrypt what the web encrypts.
locals {
  worker_secrets = [
    { name = "ENCRYPTION_KEY", valueFrom = aws_secretsmanager_secret.encryption_key.arn },
  ]
  worker_environment = [
    { name = "HOSTNAME", value = "0.0.0.0" },
    { name = "NEXTAUTH_URL", value = "https://langfuse.${var.custom_domain_name}" },
    { name = "NODE_OPTIONS", value = "--max-old-space-size=3072" },
    # Set this on the web too.
    { name = "REDIS_TLS_ENABLED", value = "true" },
  ]
}

# valkey: any other policy may evict BullMQ's locks; the worker then stops without an error.
resource "aws_elasticache_parameter_group" "valkey" {
  name   = "langfuse-noeviction"
  family = "valkey7"
  parameter {
    name  = "maxmemory-policy"
    value = "noeviction"
  }
}

# clickhouse-minimum: push clickhouse/clickhouse-server:25.12 instead of :24. Langfuse 4 needs 25.12 or later.
