import { countOf } from '../checks/run.ts'
import type { Artifact } from '../ports/github.ts'
import type { Conclusion } from './conclusion.ts'

/** Every output of the action, on every path; '' where there is nothing to say. `report` is a path. */
export function outputsOf(conclusion: Conclusion, report: string): Readonly<Record<string, string>> {
  switch (conclusion.action) {
    case 'deploy':
      return {
        ...versionOutputs(conclusion),
        'plan-digest': conclusion.plan?.digest ?? '',
        'snapshot-id': artifactOf(conclusion, 'aurora-snapshot'),
        'deployment-id': conclusion.deploymentId ?? '',
        report,
      }
    case 'verify':
      return {
        outcome: conclusion.outcome,
        passed: String(countOf(conclusion.checks, 'passed')),
        failed: String(countOf(conclusion.checks, 'failed')),
        warned: String(countOf(conclusion.checks, 'warning')),
        skipped: String(countOf(conclusion.checks, 'skipped')),
        drift: String(conclusion.differences.length > 0),
        'issue-number': conclusion.issue ?? '',
        'current-version': conclusion.versions.current ?? '',
        report,
      }
    case 'rollback':
      return { ...versionOutputs(conclusion), ...undoOutputs(conclusion), report }
  }
}

function artifactOf({ steps }: Conclusion, kind: Artifact['kind']): string {
  return steps.find(step => step.artifact?.kind === kind)?.artifact?.id ?? ''
}

function versionOutputs({ outcome, versions, plan }: Conclusion): Readonly<Record<string, string>> {
  return {
    outcome,
    'previous-version': versions.previous ?? '',
    'current-version': versions.current ?? '',
    'target-version': versions.target ?? '',
    'rollback-class': plan?.rollbackClass ?? '',
  }
}

function undoOutputs({ steps }: Conclusion): Readonly<Record<string, string>> {
  const sum = (key: 'postgres' | 'clickhouse' | 'archivedRows') =>
    steps.reduce((total, step) => total + step.counts[key], 0)
  return {
    'postgres-reverted': String(sum('postgres')),
    'clickhouse-reverted': String(sum('clickhouse')),
    'archived-rows': String(sum('archivedRows')),
    'archive-schema': sum('archivedRows') > 0 ? 'langfuse_rollout' : '',
  }
}
