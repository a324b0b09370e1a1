# The plan role and the deploy role of the workflows, from the policies in docs/iam. Copy docs/iam beside this file.
# GitHub's OIDC provider must exist in the account.

variable "repository" {
  description = "Your repository as in GitHub's OIDC subject since July 2026: ORGANISATION@ID/REPOSITORY@ID."
  type        = string
}

variable "environment" {
  description = "GitHub environment whose reviewers approve the plan."
  type        = string
  default     = "langfuse"
}

data "aws_caller_identity" "current" {}
data "aws_region" "current" {}

locals {
  issuer   = "token.actions.githubusercontent.com"
  provider = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:oidc-provider/${local.issuer}"
  subjects = {
    plan   = "repo:${var.repository}:ref:refs/heads/main"
    deploy = "repo:${var.repository}:environment:${var.environment}"
  }
  policies = {
    plan   = ["verify", "agent"]
    deploy = ["deploy", "rollback"]
  }
  attached = { for pair in flatten([
    for role, names in local.policies : [for name in names : { role = role, name = name }]
  ]) : "${pair.role}-${pair.name}" => pair }
}

resource "aws_iam_role" "langfuse" {
  for_each = local.subjects
  name     = "langfuse-${each.key}"
  # A deploy with a timeout above 50 minutes needs a longer session.
  max_session_duration = 7200
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = local.provider }
      Condition = { StringEquals = {
        "${local.issuer}:aud" = "sts.amazonaws.com"
        "${local.issuer}:sub" = each.value
      } }
    }]
  })
}

resource "aws_iam_policy" "langfuse" {
  for_each = local.attached
  name     = "langfuse-${each.key}"
  policy = replace(replace(
    file("${path.module}/iam/${each.value.name}.json"),
    "ACCOUNT", data.aws_caller_identity.current.account_id),
  "REGION", data.aws_region.current.region)
}

resource "aws_iam_role_policy_attachment" "langfuse" {
  for_each   = local.attached
  role       = aws_iam_role.langfuse[each.value.role].name
  policy_arn = aws_iam_policy.langfuse[each.key].arn
}
