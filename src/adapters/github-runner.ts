import { mkdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as core from '@actions/core'
import type { Runner } from '../ports/runner.ts'
import { redact } from '../report/redact.ts'

const secrets: string[] = []
const clean = (text: string) => redact(text, secrets)

/** GitHub's runner through its toolkit. */
export const githubRunner: Runner = {
  input: name => core.getInput(name),
  environment: name => process.env[name] || undefined,
  mask(secret) {
    secrets.push(secret)
    core.setSecret(secret)
  },
  redact: clean,
  info: line => core.info(clean(line)),
  async group(title, work) {
    core.startGroup(title)
    try {
      await work()
    } finally {
      core.endGroup()
    }
  },
  annotate(level, title, sentence) {
    const write = { error: core.error, warning: core.warning, notice: core.notice }[level]
    write(clean(sentence), { title })
  },
  output: (name, value) => core.setOutput(name, value),
  async summary(markdown) {
    // Old self-hosted runners have no summary; the log has the same content.
    if (process.env.GITHUB_STEP_SUMMARY) await core.summary.addRaw(clean(markdown), true).write()
  },
  async file(name, content) {
    const folder = join(process.env.RUNNER_TEMP || tmpdir(), 'langfuse-rollout')
    await mkdir(folder, { recursive: true })
    const path = join(folder, name)
    await writeFile(path, content)
    return path
  },
}
