import type { Threat } from '../threat.ts'

const kind = 'duplicate of a key'
const media = {
  content_type: 'image/png',
  content_length: '9007199254740993',
  bucket_name: 'b',
  bucket_path: 'x',
}

/** Rows that are unique by the newer release's keys and not by the older one's. */
export const duplicates: readonly Threat[] = [
  {
    undoing: '20250519093328_media_relax_id_uniqueness_to_project_only',
    kind,
    what: 'one media id in two projects, both with links',
    rows: [
      ['media', { id: 'shared', project_id: 'one', sha_256_hash: 'h1', created_at: '2025-01-01', ...media }],
      ['media', { id: 'shared', project_id: 'two', sha_256_hash: 'h1', created_at: '2025-01-02', ...media }],
      ['media', { id: 'single', project_id: 'two', sha_256_hash: 'h2', ...media }],
      ['trace_media', { id: 'link 1', project_id: 'one', media_id: 'shared', trace_id: 't', field: 'input' }],
      ['trace_media', { id: 'link 2', project_id: 'two', media_id: 'shared', trace_id: 't', field: 'input' }],
      ['trace_media', { id: 'link 3', project_id: 'two', media_id: 'single', trace_id: 't', field: 'input' }],
      [
        'observation_media',
        {
          id: 'link 4',
          project_id: 'two',
          media_id: 'shared',
          trace_id: 't',
          observation_id: 'o',
          field: 'output',
        },
      ],
    ],
    // A link that stays must be to media of its own project, or the next upgrade fails on it.
    after: `SELECT NOT EXISTS (SELECT FROM trace_media link WHERE NOT EXISTS (
        SELECT FROM media WHERE media.id = link.media_id AND media.project_id = link.project_id))
      AND EXISTS (SELECT FROM trace_media WHERE id = 'link 3')`,
  },
  {
    undoing: '20251127105316_add_pricing_tiers',
    kind,
    what: 'prices of tiers: a model with three, one with only a default of another name, one without a default',
    rows: [
      ...(['tiered', 'renamed', 'no default'] as const).map(
        id => ['models', { id, project_id: 'one', model_name: id, match_pattern: id }] as const,
      ),
      ...(
        [
          ['tiered', 'Standard', true, 0],
          ['tiered', 'Large; "context"', false, 1],
          ['tiered', 'Batch', false, 2],
          ['renamed', 'Own name', true, 5],
          ['no default', 'Only', false, 1],
        ] as const
      ).flatMap(([model, name, isDefault, priority]) => [
        [
          'pricing_tiers',
          {
            id: `${model} ${name}`,
            model_id: model,
            name,
            is_default: isDefault,
            priority,
            conditions: '[{"usageDetailPattern":"input","operator":"gt","value":200000}]',
          },
        ] as const,
        [
          'prices',
          {
            id: `price ${model} ${name}`,
            model_id: model,
            pricing_tier_id: `${model} ${name}`,
            usage_type: 'input',
            price: '0.000000000000000000000000000003',
            project_id: 'one',
          },
        ] as const,
      ]),
    ],
    after: `SELECT array_agg(id ORDER BY id) @> '{price renamed Own name,price tiered Standard}'
      AND NOT array_agg(id) && ARRAY['price tiered Batch', 'price tiered Large; "context"'] FROM prices`,
  },
  {
    undoing: '20251211204006_dataset_items_switch_pk',
    kind,
    what: 'dataset items in versions: edited, edited and archived, deleted, deleted and made again',
    rows: (
      [
        ['edited', '2026-01-01', 'first', false, 'ACTIVE'],
        ['edited', '2026-01-03', 'third', false, null],
        ['edited', '2026-01-02', 'second', false, 'ACTIVE'],
        ['archived', '2026-01-01', 'first', false, 'ACTIVE'],
        ['archived', '2026-01-02', 'second', false, 'ARCHIVED'],
        ['deleted', '2026-01-01', 'first', false, 'ACTIVE'],
        ['deleted', '2026-01-02', null, true, null],
        ['again', '2026-01-01', 'first', false, 'ACTIVE'],
        ['again', '2026-01-02', null, true, null],
        ['again', '2026-01-03', 'again', false, 'ACTIVE'],
        ['always deleted', '2026-01-01', null, true, null],
        ['in the future', '2026-01-01', 'now', false, 'ACTIVE'],
        ['in the future', 'infinity', 'for ever', false, 'ACTIVE'],
      ] as const
    ).map(([id, validFrom, input, isDeleted, status]) => [
      'dataset_items',
      {
        id,
        project_id: 'one',
        dataset_id: 'questions',
        valid_from: validFrom,
        input: input === null ? null : JSON.stringify(input),
        is_deleted: isDeleted,
        status,
      },
    ]),
    after: `SELECT jsonb_object_agg(id, input) @> '{"edited":"third","archived":"second","again":"again"}'
      AND count(*) = count(DISTINCT id) AND NOT bool_or(id IN ('deleted', 'always deleted'))
      FROM dataset_items WHERE id IN ('edited', 'archived', 'deleted', 'again', 'always deleted')`,
  },
  {
    undoing: '20260507120000_share_pending_verified_domains',
    kind,
    what: 'a domain claimed by two organizations, one of them verified; another claimed by two and verified by none',
    rows: [
      [
        'verified_domains',
        { id: 'pending', organization_id: 'first', domain: 'same.com', created_at: '2026-05-01' },
      ],
      [
        'verified_domains',
        {
          id: 'verified',
          organization_id: 'second',
          domain: 'same.com',
          created_at: '2026-05-02',
          verified_at: '2026-05-03',
        },
      ],
      ['verified_domains', { id: 'claim 1', organization_id: 'first', domain: 'open.com' }],
      ['verified_domains', { id: 'claim 2', organization_id: 'second', domain: 'open.com' }],
    ],
    // Single sign-on of the organization that proved its domain goes on working.
    after: `SELECT bool_or(id = 'verified' AND verified_at IS NOT NULL) AND count(*) FILTER (WHERE domain = 'open.com') = 1
      FROM verified_domains`,
  },
]
