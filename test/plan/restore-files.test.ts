import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, expect, test } from '@jest/globals'
import { type Direction, moving } from '../../src/plan/restore-files.ts'

let root = ''
afterEach(() => rmSync(root, { recursive: true }))

const RESTORED = 'aws-backup-restore_2026-11-30T23-11-22-123Z'

/** A file system after AWS Backup restored the older data beside the newer. */
function fileSystem(directory: string, restored: readonly string[] = [RESTORED]): void {
  root = mkdtempSync(join(tmpdir(), 'langfuse-rollout-efs-'))
  const put = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  const data = (inside: string, text: string) => {
    put(join(inside, directory, 'store/a/data.bin'), text)
    put(join(inside, directory, '.hidden'), text)
    put(join(inside, directory, 'metadata/with space.sql'), text)
    if (directory !== '') put(join(inside, 'other'), text)
  }
  data('', 'newer')
  for (const name of restored) data(name, 'older')
}

function move(directory: string, direction: Direction) {
  return spawnSync('sh', ['-euc', moving(directory, direction, root)], { encoding: 'utf8' })
}

const read = (path: string) => readFileSync(join(root, path), 'utf8')

test.each(['', 'clickhouse', 'a/click house'])(
  'ClickHouse in `/%s` reads the restored files, and the newer ones again',
  directory => {
    fileSystem(directory)
    const files = ['store/a/data.bin', '.hidden', 'metadata/with space.sql'].map(file =>
      join(directory, file),
    )
    expect(move(directory, 'restored')).toMatchObject({ status: 0, stderr: '' })
    expect(files.map(read)).toEqual(['older', 'older', 'older'])
    expect(readdirSync(root).filter(name => name.startsWith('aws-backup'))).toEqual([])
    expect(move(directory, 'restored')).toMatchObject({ status: 1 })
    expect(files.map(read)).toEqual(['older', 'older', 'older'])
    mkdirSync(join(root, RESTORED, directory, 'store'), { recursive: true })
    expect(move(directory, 'restored').stdout).toContain('the files were moved before')
    rmSync(join(root, RESTORED), { recursive: true })
    expect(move(directory, 'back')).toMatchObject({ status: 0, stderr: '' })
    expect(files.map(read)).toEqual(['newer', 'newer', 'newer'])
    expect(read(join('langfuse-restored/data/store/a/data.bin'))).toBe('older')
    expect(move(directory, 'delete')).toMatchObject({ status: 0 })
    expect(existsSync(join(root, 'langfuse-restored'))).toBe(false)
    expect(files.map(read)).toEqual(['newer', 'newer', 'newer'])
  },
)

test('two restored directories, none, or one of something else: nothing is moved', () => {
  fileSystem('', [RESTORED, `${RESTORED}-2`])
  expect(move('', 'restored')).toMatchObject({
    status: 1,
    stdout: expect.stringContaining('Expected one directory'),
  })
  expect(read('store/a/data.bin')).toBe('newer')
  rmSync(join(root, RESTORED), { recursive: true })
  rmSync(join(root, `${RESTORED}-2/store`), { recursive: true })
  expect(move('', 'restored')).toMatchObject({ status: 1, stdout: expect.stringContaining('has no store') })
  rmSync(join(root, `${RESTORED}-2`), { recursive: true })
  expect(move('', 'restored')).toMatchObject({ status: 1 })
  expect(move('', 'back')).toMatchObject({ status: 1 })
  expect(read('store/a/data.bin')).toBe('newer')
})
