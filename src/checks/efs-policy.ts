/** A mount, as IAM sees it. */
export type Mounting = {
  /** TLS. */
  readonly encrypted: boolean
  /** ARN of the role that mounts; undefined: without IAM. */
  readonly role: string | undefined
  readonly accessPoint: string | undefined
}

/** `unknown`: depends on the role's own policy or on other conditions. */
type Decision =
  | { readonly state: 'allowed' | 'unknown' }
  | { readonly state: 'denied'; readonly because: string; readonly fix: string }

/**
 * Whether a file-system policy allows one action (https://docs.aws.amazon.com/efs/latest/ug/iam-access-control-nfs-efs.html).
 * Without a policy every client that reaches a mount target may do everything; with one, only what it allows.
 */
export function decide(policy: string, action: string, mounting: Mounting): Decision {
  const statements = statementsOf(policy)
  if (statements === undefined) return { state: 'unknown' }
  const concerning = statements
    .filter(statement => concernsAction(statement, action))
    .map(statement => ({
      statement,
      applies: and(isPrincipal(statement, mounting), holds(statement, mounting)),
    }))
  const denying = concerning.find(({ statement, applies }) => statement.Effect === 'Deny' && applies === true)
  if (denying !== undefined) return { state: 'denied', ...reasonOf(denying.statement, mounting) }
  if (concerning.some(({ statement, applies }) => statement.Effect === 'Deny' && applies === undefined))
    return { state: 'unknown' }
  const allowing = concerning.filter(({ statement }) => statement.Effect === 'Allow')
  if (allowing.some(({ applies }) => applies === true)) return { state: 'allowed' }
  // The role's own policy may allow what this one does not mention.
  if (mounting.role !== undefined || allowing.some(({ applies }) => applies === undefined))
    return { state: 'unknown' }
  return {
    state: 'denied',
    because: 'no statement allows it to every client, and the volume is mounted without IAM',
    fix: 'set authorizationConfig.iam and transitEncryption to ENABLED in the volume, then allow the action to the task role. Or allow it to every client of a mount target',
  }
}

type Statement = {
  readonly Effect?: string
  readonly Sid?: string
  readonly Principal?: unknown
  readonly NotPrincipal?: unknown
  readonly Action?: unknown
  readonly NotAction?: unknown
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

function statementsOf(policy: string): readonly Statement[] | undefined {
  try {
    const { Statement: found } = JSON.parse(policy) as { Statement?: Statement | readonly Statement[] }
    return found === undefined ? [] : [found].flat()
  } catch {
    return undefined
  }
}

/** undefined: unknown. */
type Sure = boolean | undefined

function and(...all: readonly Sure[]): Sure {
  if (all.includes(false)) return false
  return all.includes(undefined) ? undefined : true
}

const texts = (value: unknown): readonly string[] => [value].flat().map(String)

function concernsAction({ Action, NotAction }: Statement, action: string): boolean {
  if (NotAction !== undefined) return !texts(NotAction).some(pattern => isLike(action, pattern))
  return texts(Action).some(pattern => isLike(action, pattern))
}

function isLike(value: string, pattern: string): boolean {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 'i').test(value)
}

function isPrincipal({ Principal, NotPrincipal }: Statement, { role }: Mounting): Sure {
  if (NotPrincipal !== undefined) return undefined
  const named =
    typeof Principal === 'object' && Principal !== null && 'AWS' in Principal ? Principal.AWS : Principal
  const principals = texts(named)
  if (principals.includes('*')) return true
  if (role === undefined) return false
  if (principals.includes(role)) return true
  // An account allows what its own policies allow.
  const account = role.split(':')[4]
  return principals.some(one => one === account || one.endsWith(`::${account}:root`)) ? undefined : false
}

function holds({ Condition = {} }: Statement, mounting: Mounting): Sure {
  return and(
    ...Object.entries(Condition).flatMap(([operator, keys]) =>
      Object.entries(keys).map(([key, wanted]) => compare(operator, factOf(key, mounting), texts(wanted))),
    ),
  )
}

/** undefined: the mount has no such value; UNKNOWN: this check cannot tell. */
function factOf(
  key: string,
  { encrypted, role, accessPoint }: Mounting,
): string | undefined | typeof UNKNOWN {
  switch (key.toLowerCase()) {
    case 'aws:securetransport':
      return String(encrypted)
    case 'elasticfilesystem:accessedviamounttarget':
      return 'true'
    case 'elasticfilesystem:accesspointarn':
      return accessPoint
    case 'aws:principalarn':
      return role
    default:
      return UNKNOWN
  }
}

const UNKNOWN = Symbol('unknown')

function compare(
  operator: string,
  value: string | undefined | typeof UNKNOWN,
  wanted: readonly string[],
): Sure {
  if (value === UNKNOWN) return undefined
  const optional = operator.endsWith('IfExists')
  const name = operator.replace(/IfExists$/, '')
  if (name === 'Null') return wanted.includes(String(value === undefined))
  const not = /^(String|Arn)Not/.test(name)
  if (
    !/^(Bool|StringEquals|StringEqualsIgnoreCase|StringLike|ArnEquals|ArnLike)$/.test(name.replace('Not', ''))
  )
    return undefined
  if (value === undefined) return optional || not
  const found = wanted.some(pattern => isLike(value, pattern))
  return not ? !found : found
}

/** What a matching Deny requires, in terms of the task definition. */
function reasonOf({ Sid, Condition = {} }: Statement, { encrypted, accessPoint }: Mounting) {
  const statement = Sid === undefined ? 'a statement' : `statement ${Sid}`
  const keys = Object.values(Condition).flatMap(found => Object.keys(found).map(key => key.toLowerCase()))
  if (keys.includes('aws:securetransport') && !encrypted)
    return {
      because: `${statement} denies mounts without TLS, and the volume does not use TLS`,
      fix: 'set transitEncryption to ENABLED in the volume of the task definition',
    }
  if (keys.includes('elasticfilesystem:accesspointarn'))
    return {
      because: `${statement} denies mounts without the access point that it names, and the volume uses ${accessPoint === undefined ? 'none' : 'another one'}`,
      fix: 'name that access point in authorizationConfig of the volume',
    }
  return { because: `${statement} denies it`, fix: 'exclude this task from that statement' }
}
