# What verify finds in the article's module (tubone24/langfuse-v3-terraform), repaired. These are the members to change
# in its own resources, named as they are there; what is not shown stays as it is.

# clickhouse-single-writer: with ECS's defaults (100 % and 200 %) a rollout starts a second ClickHouse on the same files.
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
    # The actions deploy; Terraform would put the old image back.
    ignore_changes = [task_definition]
  }
}

# An image that a tag led to yesterday may be gone tomorrow: keep enough for the way back, and never move a tag.
resource "aws_ecr_repository" "web" {
  name                 = "langfuse-web"
  image_tag_mutability = "IMMUTABLE"
}

resource "aws_ecr_lifecycle_policy" "web" {
  repository = aws_ecr_repository.web.name
  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "Untagged images go after two weeks; releases stay."
      selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 14 }
      action       = { type = "expire" }
    }]
  })
}

# efs-mount-targets and a root-owned directory: an access point makes it with ClickHouse's own owner (uid 101).
resource "aws_efs_access_point" "clickhouse" {
  file_system_id = aws_efs_file_system.clickhouse.id
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

# web-health-check: TCP says healthy before the web answers, and after a console edit it is TCP again.
resource "aws_apprunner_service" "web" {
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
      image_identifier      = "${aws_ecr_repository.web.repository_url}:2.93.7"
    }
  }

  lifecycle {
    ignore_changes = [source_configuration[0].image_repository[0].image_identifier]
  }
}

# env lint: the worker's task definition says ENCRIPTION_KEY, so what the web encrypts the worker cannot read.
locals {
  worker_secrets = [
    { name = "ENCRYPTION_KEY", valueFrom = aws_secretsmanager_secret.encryption_key.arn },
  ]
  worker_environment = [
    { name = "HOSTNAME", value = "0.0.0.0" },
  ]
}

# valkey: with any other policy BullMQ's locks are evicted, and the worker stops in silence.
resource "aws_elasticache_parameter_group" "valkey" {
  name   = "langfuse-noeviction"
  family = "valkey7"
  parameter {
    name  = "maxmemory-policy"
    value = "noeviction"
  }
}
