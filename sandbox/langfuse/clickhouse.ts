import { type ClickHouse, LockedFolder, serveClickHouse } from '../engines/clickhouse.ts'
import { type Environment, setVariable } from './environment.ts'
import { parseListen } from './server.ts'

type Log = (line: string) => void

/**
 * Stands for the container of clickhouse/clickhouse-server: the real engine on the folder that EFS mounts as
 * /var/lib/clickhouse. Comes back with the server, or with the exit status 76 when another one has the folder.
 */
export async function clickhouse(env: Environment, log: Log): Promise<ClickHouse | number> {
  const folder = setVariable(env, 'SANDBOX_EFS')
  if (folder === undefined) throw new Error('SANDBOX_EFS is not set: which folder is /var/lib/clickhouse?')
  const version = setVariable(env, 'SANDBOX_RELEASE')
  try {
    return await serveClickHouse({
      folder,
      // The image's own defaults: user "default" without a password.
      user: setVariable(env, 'CLICKHOUSE_USER') ?? 'default',
      password: env.CLICKHOUSE_PASSWORD ?? '',
      hostname: setVariable(env, 'HOSTNAME'),
      ...parseListen(setVariable(env, 'SANDBOX_LISTEN') ?? '127.0.0.1:8123'),
      ...(version === undefined ? {} : { version }),
    })
  } catch (error) {
    if (!(error instanceof LockedFolder)) throw error
    log(error.message)
    return error.exitCode
  }
}

async function main(): Promise<void> {
  const server = await clickhouse(process.env, line => console.error(line))
  if (typeof server === 'number') {
    process.exitCode = server
    return
  }
  const stop = (signal: NodeJS.Signals) => {
    console.log(`<Information> Application: Received termination signal (${signal})`)
    // Only a closed engine has written everything to EFS.
    void server.stop().then(() => process.exit(0))
  }
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
  console.log('<Information> Application: Ready for connections.')
}

if (import.meta.main) await main()
