import type { DeploymentRecord } from '../../src/ports/github.ts'

const image = (name: string) => `${name}@sha256:${'1'.repeat(64)}`

/** What a deploy of 3.0.0 records before its first change. */
export const RECORD: DeploymentRecord = {
  schema: 1,
  from: '2.93.7',
  to: '3.0.0',
  images: { web: image('web'), worker: image('worker'), clickhouse: image('clickhouse') },
  taskDefinitions: {},
  postgresMigrations: 271,
  clickhouseHead: 5,
}
