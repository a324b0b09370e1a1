import { createHash, randomUUID } from 'node:crypto'
import { Client, type Pool } from 'pg'

export type ApiKey = { readonly publicKey: string; readonly secretKey: string }

/**
 * What Langfuse keeps of a secret to find its key by: sha256 of the secret and the sha256 of SALT
 * (createShaHash, packages/shared/src/server/auth/apiKeys.ts at v3.0.0 and v4.16.0).
 */
export function fastHash(secretKey: string, salt: string): string {
  const salted = createHash('sha256').update(salt, 'utf8').digest('hex')
  return createHash('sha256').update(secretKey).update(salted).digest('hex')
}

/** The project that an `Authorization` header speaks for; undefined when it is none or its key is not valid. */
export async function projectOf(
  authorization: string | undefined,
  { pool, salt }: { readonly pool: Pool; readonly salt: string },
): Promise<string | undefined> {
  const encoded = /^Basic (.+)$/.exec(authorization ?? '')?.[1]
  const [, secret = ''] = Buffer.from(encoded ?? '', 'base64')
    .toString('utf8')
    .split(':')
  if (secret === '') return undefined
  const { rows } = await pool.query<{ project_id: string }>(
    'SELECT project_id FROM api_keys WHERE fast_hashed_secret_key = $1',
    [fastHash(secret, salt)],
  )
  return rows[0]?.project_id
}

/** Makes a key of the first project, as the settings page does; a database without projects gets one. */
export async function createApiKey(
  databaseUrl: string,
  { salt, key = newKey() }: { readonly salt: string; readonly key?: ApiKey | undefined },
): Promise<ApiKey> {
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    await client.query(
      `INSERT INTO organizations (id, name) SELECT 'canary-organization', 'Organization'
       WHERE NOT EXISTS (SELECT FROM projects);
       INSERT INTO projects (id, org_id, name) SELECT 'canary-project', 'canary-organization', 'Canary'
       WHERE NOT EXISTS (SELECT FROM projects)`,
    )
    await client.query(
      `INSERT INTO api_keys (id, public_key, hashed_secret_key, fast_hashed_secret_key, display_secret_key, project_id)
       SELECT $1, $2, 'bcrypt', $3, 'sk-lf-...', id FROM projects ORDER BY created_at, id LIMIT 1`,
      [randomUUID(), key.publicKey, fastHash(key.secretKey, salt)],
    )
    return key
  } finally {
    await client.end()
  }
}

const newKey = (): ApiKey => ({ publicKey: `pk-lf-${randomUUID()}`, secretKey: `sk-lf-${randomUUID()}` })
