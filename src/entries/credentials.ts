import { RolloutError } from '../errors/errors.ts'
import type { DeployConfig, RollbackConfig } from '../inputs/config.ts'
import type { Ports } from './ports.ts'
import { UNDO_TIMEOUT_MS } from './undo.ts'

/** The longest session of an IAM role. */
const LONGEST_SESSION_S = 12 * 60 * 60
/** The steps between the role's assumption and this action. */
const BEFORE_MS = 5 * 60_000

/**
 * Refuses to begin a change that the job's AWS credentials would not outlast. Only credentials from the environment
 * count, because all others are renewed; without AWS_CREDENTIAL_EXPIRATION nothing is known.
 * https://docs.aws.amazon.com/sdkref/latest/guide/feature-static-credentials.html
 * @throws RolloutError
 */
export function assertCredentialsLast(
  config: DeployConfig | RollbackConfig,
  { runner, clock }: Pick<Ports, 'runner' | 'clock'>,
): void {
  if (config.dryRun || runner.environment('AWS_SESSION_TOKEN') === undefined) return
  // configure-aws-credentials writes its output as JSON, in quotes.
  const expires = Date.parse((runner.environment('AWS_CREDENTIAL_EXPIRATION') ?? '').replaceAll('"', ''))
  const undoes = 'onFailure' in config && config.onFailure === 'rollback'
  const needed = clock.now() + config.timeoutMs + (undoes ? UNDO_TIMEOUT_MS : 0)
  if (!(expires < needed)) return
  const seconds = Math.ceil((needed - clock.now() + BEFORE_MS) / 60_000) * 60
  const back = undoes ? `, with ${UNDO_TIMEOUT_MS / 60_000} minutes for its rollback` : ''
  const longer =
    seconds > LONGEST_SESSION_S
      ? 'Lower input `timeout`, because the session of a role lasts 12 hours at most.'
      : `Set \`role-duration-seconds: ${seconds}\` of aws-actions/configure-aws-credentials, and the role's maximum session duration to at least as much. Or lower input \`timeout\`.`
  throw new RolloutError(
    `The AWS credentials of this job end at ${timeOf(expires)}, but this run may take until ${timeOf(needed)} (input \`timeout\`${back}). ${longer}`,
  )
}

function timeOf(at: number): string {
  return `${new Date(at).toISOString().slice(11, 16)} UTC`
}
