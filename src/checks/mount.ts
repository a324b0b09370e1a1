import { knownCause } from '../execute/classify-log.ts'
import { reasonsOf } from '../execute/task-log.ts'
import { componentName } from '../plan/plan.ts'
import type { EcsTask } from '../ports/cloud.ts'
import { isMountFailure } from '../stack/observe-storage.ts'
import type { Stack } from '../stack/stack.ts'
import type { Check, Finding, Subject } from './check.ts'
import { failed, KIND, missing, passed, plural, warning } from './check.ts'
import { vpcDns } from './network-checks.ts'
import { CLICKHOUSE_USER, efs, efsAccessPoint, efsPolicy, efsSecurity, efsVolume } from './storage-checks.ts'

const GIB = 1024 ** 3

const efsMounted = {
  ...KIND.storesSetUp,
  needs: ['mount', 'infrastructure'],
  id: 'efs-mounted',
  title: "ClickHouse's volume can be mounted and holds its data",
  about: ['efs', 'clickhouse'],
  run(subject) {
    const { stack } = subject
    const { mount } = stack.probe
    if (!mount.known) return missing(mount)
    const seen = mount.value
    if (seen.state === 'failed')
      return failed(
        `A test task with ClickHouse's network and role could not mount its volume: ${whyNotMounted(seen.reason, subject)}`,
      )
    const owner = expectedOwner(stack)
    const alien = seen.entries.find(entry => entry.uid !== owner && !isOpen(entry))
    if (alien !== undefined)
      return failed(
        `${alien.name === '.' ? 'The root of the volume' : `\`${alien.name}\` on the volume`} belongs to ${alien.uid}:${alien.gid} (${alien.mode.toString(8)}), but ClickHouse runs as ${owner}, so it cannot write there. Change the owner once (\`chown -R ${owner}:${owner}\` in a task that mounts it as root), or use an access point with that POSIX user.`,
      )
    if (!seen.entries.some(({ name }) => name === 'metadata' || name === 'store'))
      return failed(
        `The volume holds no ClickHouse data (no \`store\`, no \`metadata\`; ${seen.count} entries). Either its root directory or access point changed, or ClickHouse never wrote to it. Compare earlier revisions of the task definition.`,
      )
    if (seen.free < 5 * GIB)
      return warning(
        `The volume has ${(seen.free / GIB).toFixed(1)} GiB free, but EFS always reports 8 EiB: another file system is mounted, or a quota is nearly used up.`,
      )
    return passed(
      `A test task mounted the volume read-only. It belongs to ${owner} and holds ClickHouse's store and metadata.`,
    )
  },
} as const satisfies Check

/** The uid that writes: of the access point, else of the task definition, else of the image. */
function expectedOwner({ clickhouse, infrastructure: { storage } }: Stack): number {
  const point = storage.known && storage.value.accessPoint.known ? storage.value.accessPoint.value : undefined
  if (point?.user !== undefined) return point.user.uid
  const uid = Number(clickhouse.container.user?.split(':')[0] ?? Number.NaN)
  if (Number.isInteger(uid) && uid !== 0) return uid
  return clickhouse.container.environment['CLICKHOUSE_RUN_AS_ROOT'] === '1' ? 0 : CLICKHOUSE_USER
}

const isOpen = ({ mode }: { readonly mode: number }) => (mode & 0o002) !== 0

function startsOf<Component extends 'clickhouse' | 'worker'>(
  component: Component,
): Check<`${Component}-starts`> {
  const name = componentName(component)
  return {
    ...KIND.infrastructure,
    id: `${component}-starts`,
    title: `${component === 'worker' ? 'Worker' : 'ClickHouse'} tasks start`,
    about: component === 'clickhouse' ? ['clickhouse', 'efs'] : ['worker'],
    run(subject) {
      const { stopped } = subject.stack.infrastructure
      if (!stopped.known) return missing(stopped)
      const seen = stopped.value[component]
      if (!seen.known) return missing(seen)
      const ended = seen.value.filter(isFailure).sort((a, b) => (b.stoppedAt ?? 0) - (a.stoppedAt ?? 0))
      const [last] = ended
      if (last === undefined) return passed('No task failed in the last hour.')
      const count = plural(ended.length, 'task')
      if (isSteady(subject.stack[component]))
        return passed(`${count} failed in the last hour, but the service is steady now.`)
      return failed(
        `${name}: ${count} failed in the last hour, most recently ${last.id}: ${whyStopped(last, subject)}`,
      )
    },
  }
}

/** A task that ECS or a person stopped has not failed. */
function isFailure({ stopCode, containers }: EcsTask): boolean {
  if (stopCode === 'TaskFailedToStart') return true
  return stopCode === 'EssentialContainerExited' && containers.some(one => (one.exitCode ?? 0) !== 0)
}

function isSteady({ service }: Stack['clickhouse']): boolean {
  return service.deployments.length === 1 && service.runningCount === service.desiredCount
}

function whyStopped(task: EcsTask, subject: Subject): string {
  const reason = task.stoppedReason ?? ''
  if (isMountFailure(reason)) return whyNotMounted(reason, subject)
  const exitCode = task.containers.find(one => (one.exitCode ?? 0) !== 0)?.exitCode
  if (exitCode === LOCKED)
    return 'it ended with exit code 76, because another ClickHouse holds the lock of the EFS directory ("Cannot lock file …/status"). Run only one (minimum 0 %, maximum 100 %), and wait until EFS releases the old lock.'
  const code = exitCode === undefined ? '' : `exit code ${exitCode}, `
  return `${knownCause(reasonsOf(task))}ECS reports: ${code}${shorten(reason || 'no reason')}.`
}

/** src/Common/StatusFile.cpp of ClickHouse: CANNOT_OPEN_FILE. */
const LOCKED = 76

export const MOUNT_CHECKS = [startsOf('clickhouse'), startsOf('worker'), efsMounted] as const

type Suspect = readonly [check: Check, name: string]

/** Possible causes of each message of mount.efs. The botocore part is only its next attempt. */
const SUSPECTS: readonly (readonly [words: RegExp, message: string, suspects: () => readonly Suspect[]])[] = [
  [/Failed to resolve|botocore/i, "EFS's name does not resolve", () => [TARGETS, DNS, SECURITY]],
  [/timed out|due to timeout|Connection reset/i, 'EFS does not answer', () => [SECURITY, TARGETS]],
  [/access denied/i, 'EFS denies the mount', () => [POLICY, POINT]],
  [/No such file or directory/i, 'the directory does not exist on EFS', () => [POINT, VOLUME]],
]

const TARGETS: Suspect = [efs, 'mount targets']
const SECURITY: Suspect = [efsSecurity, 'security groups']
const POLICY: Suspect = [efsPolicy, 'file-system policy']
const POINT: Suspect = [efsAccessPoint, 'access point']
const VOLUME: Suspect = [efsVolume, 'volume']
const DNS: Suspect = [vpcDns, 'DNS']

/** ECS's message, and the first of its possible causes whose check fails. */
function whyNotMounted(reason: string, subject: Subject): string {
  const [, message = 'EFS cannot be mounted', first = () => []] =
    SUSPECTS.find(([words]) => words.test(reason)) ?? []
  const likely = first()
  const others = [TARGETS, DNS, SECURITY, POLICY, POINT].filter(one => !likely.includes(one))
  const findings = [...likely, ...others].map(([check, name], index) => ({
    name,
    likely: index < likely.length,
    finding: check.run(subject) as Finding,
  }))
  const what = `${message}${/botocore/i.test(reason) ? ' (ignore the botocore message)' : ''}`
  const guilty =
    findings.find(one => one.finding.state === 'failed') ??
    findings.find(one => one.likely && one.finding.state === 'warning')
  if (guilty !== undefined) return `${what}. ${guilty.finding.sentence}`
  const unseen = findings.filter(one => one.likely && one.finding.state === 'inconclusive')
  if (unseen.length > 0)
    return `${what}, and this check could not read its ${unseen.map(one => one.name).join(' and ')}: ${unseen[0]?.finding.sentence}`
  return `${what}, although ${likely.map(([, name]) => name).join(', ')} are correct. The name of a new file system takes some minutes to resolve. Otherwise check network ACLs and routes between the subnets. ECS reports: ${shorten(reason)}`
}

function shorten(reason: string): string {
  return reason.length > 300 ? `${reason.slice(0, 300)}…` : reason
}
