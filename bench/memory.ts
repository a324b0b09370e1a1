import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStage } from '../sandbox/rehearse.ts'

const EACH = Number(process.argv[2] ?? 3)

/** Peak memory of whole dry runs and deploys on the article's stack (App Runner and ECS). Prints, asserts nothing. */
async function bench(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'memory-'))
  const peak = join(folder, 'peak')
  const hook = join(folder, 'hook.mjs')
  await writeFile(
    hook,
    `import { writeFileSync } from 'node:fs'
    const used = () => ({ peak: process.resourceUsage().maxRSS / 1024, ...process.memoryUsage() })
    process.on('exit', () => writeFileSync(${JSON.stringify(peak)}, JSON.stringify(used())))`,
  )
  const stage = await openStage({ folder, seed: false })
  const { NODE_OPTIONS } = stage.stack.sandbox.vpcEnv
  const measure = async (title: string, inputs: Readonly<Record<string, string>>, env = {}) => {
    const options = { NODE_OPTIONS: `${NODE_OPTIONS} --import ${hook}`, ...env }
    const { outputs } = await stage.run('deploy', inputs, { env: options })
    const seen = JSON.parse(await readFile(peak, 'utf8')) as Record<string, number>
    const megabytes = (name: string) => ((seen[name] ?? 0) / 1024 / 1024).toFixed(0)
    process.stdout.write(
      `${title}, ${outputs['outcome']}: peak ${seen['peak']?.toFixed(1)} MB (at the end: heap ${megabytes('heapUsed')} of ${megabytes('heapTotal')} MB, buffers ${megabytes('external')} MB)\n`,
    )
  }
  const version = { version: '3.0.0', 'clickhouse-version': '24.12.3' }
  const outside = { network: 'task', 'database-url': '', 'clickhouse-url': '', 'clickhouse-password': '' }
  try {
    for (let round = 0; round < EACH; round++)
      await measure('dry run, direct', { ...version, 'dry-run': 'true' })
    for (let round = 0; round < EACH; round++)
      await measure('dry run, agent', { ...version, ...outside, 'dry-run': 'true' }, { SANDBOX_VPC: '' })
    await measure('deploy', version)
  } finally {
    await stage.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

await bench()
