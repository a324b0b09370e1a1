import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { CHECKS } from '../../src/checks/run.ts'

const FIXES = 'examples/terraform/fixes/main.tf'
const text = readFileSync(FIXES, 'utf8')

/** The body of a resource. */
function resource(type: string, name: string): string {
  const [, body] = new RegExp(`^resource "${type}" "${name}" \\{\\n([\\s\\S]*?)^\\}`, 'm').exec(text) ?? []
  if (body === undefined) throw new Error(`There is no ${type} ${name} in ${FIXES}.`)
  return body
}

const terraform = spawnSync('terraform', ['version']).status === 0
const whereTerraform = terraform ? test : test.skip

whereTerraform('Terraform reads the fixes (skipped where it is not installed)', () => {
  const { status, stdout } = spawnSync('terraform', ['fmt', '-check', '-diff', FIXES], { encoding: 'utf8' })
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' })
})

test("the access point begins where the module's ClickHouse has its data: another path starts an empty one", () => {
  const article = readFileSync('sandbox/article/services.ts', 'utf8')
  const [, root] = /return \{ fileSystemId, rootDirectory: '([^']+)' \}/.exec(article) ?? []
  expect(root).toBe('/')
  const [, path] = /path = "([^"]+)"/.exec(resource('aws_efs_access_point', 'clickhouse')) ?? []
  expect(path).toBe(root)
  const volume = resource('aws_ecs_task_definition', 'clickhouse')
  expect(volume).toMatch(/root_directory +=\s"\/"[\s\S]*transit_encryption = "ENABLED"[\s\S]*access_point_id/)
})

test('what AWS demands of a major upgrade and of a final snapshot is there', () => {
  const cluster = resource('aws_rds_cluster', 'langfuse_aurora_cluster')
  const has = (line: RegExp) => expect(cluster).toMatch(line)
  has(/^ {2}engine_version +=/m)
  has(/^ {2}allow_major_version_upgrade += true/m)
  has(/^ {2}apply_immediately +=\strue/m)
  has(/^ {2}skip_final_snapshot +=\sfalse/m)
  has(/^ {2}final_snapshot_identifier +=\s"[a-z]/m)
})

test('each fix has its number in the sequence and checks that verify has', () => {
  const ids: readonly string[] = CHECKS.map(({ id }) => id)
  const numbers = [...text.matchAll(/^ *# (\d+)\. /gm)].map(([, number]) => Number(number))
  expect([...numbers].sort((a, b) => a - b)).toEqual(numbers.map((_, index) => index + 1))
  const comments = [...text.matchAll(/^ *# \d+\. [\s\S]*?(?=^ *[^ #])/gm)].map(([comment]) => comment)
  expect(comments).toHaveLength(numbers.length)
  for (const comment of comments) {
    const [, after = ''] = /Check: ([\s\S]*)$/.exec(comment.replaceAll(/\s*\n *# ?/g, ' ')) ?? []
    expect([comment, after !== '']).toEqual([comment, true])
    const named = [...after.matchAll(/[a-z]+(?:-[a-z]+)+/g)].map(([id]) => id)
    expect(named.filter(id => !ids.includes(id))).toEqual([])
  }
})

test('a service that ignores its task definition gets the new revision by hand, and the text has the command', () => {
  expect(resource('aws_ecs_service', 'clickhouse')).toContain('ignore_changes = [task_definition]')
  expect(text).toContain(
    'aws ecs update-service --cluster langfuse --service clickhouse --task-definition clickhouse',
  )
})
