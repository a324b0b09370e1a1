import { ACTIONS, type Action, metadataOf } from './tables.ts'

/**
 * The JSON report as JSON Schema, draft 2020-12: https://json-schema.org/draft/2020-12. What programs rely on is closed;
 * the evidence of the stack's picture is open, because every release of these actions sees more.
 */
export function reportSchema(): object {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Langfuse Rollout: report of deploy, verify and rollback',
    ...object({
      required: {
        schema: { const: 1, description: 'Increases when a member is removed or changes its meaning.' },
        action: { enum: [...ACTIONS] },
        outcome: {
          enum: [
            'deployed',
            'rolled-back',
            'unchanged',
            'planned',
            'refused',
            'failed',
            'passed',
            'inconclusive',
          ],
        },
        headline: described(text, 'The result in one sentence.'),
        versions: object({ optional: { previous: text, current: text, target: text } }),
        problems: described(texts, 'Why the run was refused, or what is wrong.'),
        warnings: texts,
        next: described(texts, 'What to do now.'),
        steps: { type: 'array', items: ref('stepResult') },
        checks: { type: 'array', items: ref('check') },
        differences: {
          type: 'array',
          items: ref('difference'),
          description: 'Drift: differences from the last deploy.',
        },
        outputs: described(
          { type: 'object', additionalProperties: text },
          'Every output of the action; `report` is empty here.',
        ),
      },
      optional: {
        deploymentId: described(text, 'GitHub deployment record that a rollback uses.'),
        issue: described(text, 'Number of the open issue about drift.'),
        plan: ref('plan'),
        stack: ref('stack'),
      },
    }),
    oneOf: ACTIONS.map(action => ({
      properties: { action: { const: action }, outputs: outputsOf(action) },
    })),
    $defs: DEFINITIONS,
  }
}

type Schema = Readonly<Record<string, unknown>>

const text = { type: 'string' }
const texts = { type: 'array', items: text }
const count = { type: 'integer', minimum: 0 }
const time = { type: 'integer', minimum: 0, description: 'Epoch milliseconds.' }

function described(schema: Schema, description: string): Schema {
  return { ...schema, description }
}

function ref(name: string): Schema {
  return { $ref: `#/$defs/${name}` }
}

/** Nothing but the given members. */
function object({
  required = {},
  optional = {},
}: {
  readonly required?: Readonly<Record<string, Schema>>
  readonly optional?: Readonly<Record<string, Schema>>
}): Schema {
  return {
    type: 'object',
    required: Object.keys(required),
    properties: { ...required, ...optional },
    additionalProperties: false,
  }
}

function outputsOf(action: Action): Schema {
  const names = Object.keys(metadataOf(action).outputs)
  return {
    required: names,
    properties: Object.fromEntries(names.map(name => [name, text])),
    additionalProperties: false,
  }
}

const DEFINITIONS: Readonly<Record<string, Schema>> = {
  plan: object({
    required: {
      kind: { const: 'plan' },
      action: { enum: ['deploy', 'rollback'] },
      to: text,
      rollbackClass: { enum: ['images', 'schema', 'lossy', 'restore'] },
      goesBack: object({
        required: {
          answer: { enum: ['yes', 'no'] },
          because: text,
          instead: described(text, 'What a person does otherwise; empty: nothing.'),
        },
      }),
      steps: { type: 'array', items: ref('step') },
      warnings: texts,
      losses: described(texts, 'What a rollback loses or moves to the archive.'),
      digest: { type: 'string', pattern: '^sha256:[0-9a-f]{64}$' },
    },
    optional: { from: text },
  }),
  step: {
    type: 'object',
    required: ['kind', 'reason'],
    properties: {
      kind: {
        enum: [
          'migrate',
          'roll-ecs',
          'set-deployment-settings',
          'roll-app-runner',
          'undo-schema',
          'backup-database',
          'backup-files',
          'rerun-background-migrations',
          'mirror',
        ],
      },
      reason: text,
    },
    description: 'A step, with the members of its kind: images, services, names.',
  },
  stepResult: object({
    required: {
      step: ref('step'),
      state: { enum: ['done', 'failed', 'rolling', 'not-started'] },
      sentence: text,
      evidence: described(texts, 'Reasons and log lines.'),
      counts: { type: 'object', additionalProperties: count },
    },
    optional: {
      startedAt: time,
      endedAt: time,
      artifact: object({
        required: { kind: { enum: ['aurora-snapshot', 'rds-snapshot', 'efs-recovery-point'] }, id: text },
      }),
      deployment: described(text, 'Id of the ECS deployment that this step began.'),
    },
  }),
  check: object({
    required: {
      id: text,
      title: text,
      group: { enum: ['control-plane', 'public', 'inside'] },
      about: described(texts, 'Components that the check is about.'),
      state: { enum: ['passed', 'warning', 'failed', 'skipped', 'inconclusive'] },
      sentence: described(
        text,
        'What the check observed; if there is a problem, also the cause and the fix.',
      ),
    },
    optional: { evidence: {} },
  }),
  difference: object({
    required: {
      component: text,
      member: text,
      was: described(text, 'Never the value of a variable.'),
      is: text,
    },
  }),
  stack: {
    type: 'object',
    required: ['account', 'region', 'cluster', 'url', 'images', 'health', 'clickhouse', 'postgres'],
    properties: {
      account: text,
      region: text,
      cluster: text,
      url: text,
      images: object({ required: { web: ref('image'), worker: ref('image'), clickhouse: ref('image') } }),
      health: ref('observed'),
      clickhouse: ref('observed'),
      postgres: ref('observed'),
      discovery: ref('observed'),
      files: ref('observed'),
    },
    description: 'The last observation of the stack. It may have more members than listed here.',
  },
  image: object({
    required: { reference: text, repository: text, source: described(text, 'Source of the fact.') },
    optional: {
      digest: { type: 'string', pattern: '^sha256:[0-9a-f]{64}$' },
      version: text,
      tags: described(texts, 'All tags that point to the digest.'),
      unseen: described(text, 'Why the registry repository could not be read.'),
    },
  }),
  observed: {
    description: 'A fact with its source, or the reason why it was not observed.',
    oneOf: [
      object({ required: { known: { const: true }, value: {}, source: text } }),
      object({
        required: {
          known: { const: false },
          reason: text,
          because: { enum: ['not-asked', 'unreachable', 'no-evidence'] },
        },
      }),
    ],
  },
}
