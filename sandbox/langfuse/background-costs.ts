import type { Pool } from 'pg'

/**
 * The cost backfill: calculated costs of generations, from the costs given at ingestion or from the model's prices.
 * As in Langfuse a working column is there meanwhile and goes at the end; one that is killed leaves it behind.
 */
export async function backfillCosts(pool: Pool): Promise<void> {
  await pool.query(
    'ALTER TABLE observations ADD COLUMN IF NOT EXISTS tmp_has_calculated_cost BOOLEAN DEFAULT FALSE',
  )
  await pool.query(update)
  await pool.query('ALTER TABLE observations DROP COLUMN IF EXISTS tmp_has_calculated_cost')
}

const update = `
WITH priced AS (
  SELECT o.id, m.id AS model_id,
         coalesce(o.input_cost, o.output_cost, o.total_cost) IS NOT NULL AS given,
         o.prompt_tokens * m.input_price AS input, o.completion_tokens * m.output_price AS output,
         o.total_tokens * m.total_price AS total
    FROM observations o
    LEFT JOIN models m ON m.model_name = o.internal_model AND m.unit = o.unit
                      AND coalesce(m.project_id, o.project_id) = o.project_id
   WHERE coalesce(o.internal_model, o.input_cost::text, o.output_cost::text, o.total_cost::text) IS NOT NULL
)
UPDATE observations o
   SET calculated_input_cost = CASE WHEN given THEN o.input_cost ELSE priced.input END,
       calculated_output_cost = CASE WHEN given THEN o.output_cost ELSE priced.output END,
       calculated_total_cost = CASE WHEN given THEN o.total_cost ELSE coalesce(priced.total, priced.input + priced.output) END,
       internal_model_id = priced.model_id,
       tmp_has_calculated_cost = TRUE
  FROM priced
 WHERE o.id = priced.id`
