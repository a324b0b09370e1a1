import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type ArticleStack, startArticleStack } from './article.ts'

/** `npm run sandbox`: runs the article's stack until Ctrl-C. */
async function serve() {
  const { values } = parseArgs({
    options: { speed: { type: 'string', default: '20' }, port: { type: 'string', default: '4580' } },
  })
  const folder = await mkdtemp(join(tmpdir(), 'langfuse-sandbox-'))
  const interrupted = new Promise<void>(resolve => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
  const starting = startArticleStack({
    folder,
    speed: Number(values.speed),
    port: Number(values.port),
    seed: true,
    log: line => console.log(line),
  })
  const stack = await Promise.race([starting, interrupted])
  if (stack) {
    console.log(introduction(stack))
    await interrupted
  }
  console.log('\nStopping the sandbox')
  // A stack that is still starting is stopped once it has started.
  await (await starting).stop()
  await rm(folder, { recursive: true, force: true })
}

function introduction(stack: ArticleStack): string {
  const exports = Object.entries(stack.sandbox.env).map(([name, value]) => `export ${name}=${value}`)
  return `
The article's stack is running Langfuse 2.93.7. Press Ctrl-C to stop it. In another shell, run:

${exports.join('\n')}

aws ecs describe-services --cluster langfuse --services langfuse_worker clickhouse
aws apprunner list-services
aws logs filter-log-events --log-group-name /aws/ecs/langfuse_worker_log

Langfuse      ${stack.webUrl}
ClickHouse    ${stack.clickhouseUrlLocal}  (user ${stack.clickhouseUser}, password ${stack.clickhousePassword})
PostgreSQL    ${stack.databaseUrlLocal}
`
}

await serve()
