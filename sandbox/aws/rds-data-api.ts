import type { QueryArrayResult } from 'pg'
import { AwsError } from './errors.ts'
import { isObject, type JsonObject, type Reader, reader } from './json.ts'
import type { DataApi, Target } from './rds-data.ts'
import type { Operations } from './server.ts'

/** https://docs.aws.amazon.com/rdsdataservice/latest/APIReference/ */
export function dataApiOperations(api: DataApi): Operations {
  const read = (input: JsonObject) => reader(input, 'ValidationException')
  return {
    BeginTransaction: async input => ({ transactionId: await api.begin(targetOf(read(input))) }),
    CommitTransaction: async input => {
      await api.commit(read(input).needText('transactionId'))
      return { transactionStatus: 'Transaction Committed' }
    },
    RollbackTransaction: async input => {
      await api.rollback(read(input).needText('transactionId'))
      return { transactionStatus: 'Rollback Complete' }
    },
    ExecuteStatement: input => execute(api, read(input)),
  }
}

async function execute(api: DataApi, read: Reader): Promise<JsonObject> {
  const result = await api.execute({
    at: targetOf(read),
    sql: read.needText('sql'),
    transaction: read.text('transactionId'),
    texts: Object.fromEntries(read.objects('parameters').map(textOf)),
    continueAfterTimeout: read.flag('continueAfterTimeout') ?? false,
  })
  if (result.fields.length === 0) return { numberOfRecordsUpdated: result.rowCount ?? 0, generatedFields: [] }
  return {
    numberOfRecordsUpdated: 0,
    records: result.rows.map(row =>
      row.map((value, place) => fieldOf(value, result.fields[place]?.dataTypeID ?? 0)),
    ),
    ...(read.flag('includeResultMetadata') === true && { columnMetadata: result.fields.map(metadataOf) }),
  }
}

function targetOf(read: Reader): Target {
  if (read.text('schema') !== undefined)
    throw new AwsError('ValidationException', "Database schema isn't supported.")
  return {
    cluster: read.needText('resourceArn'),
    secret: read.needText('secretArn'),
    database: read.text('database'),
  }
}

function textOf(parameter: JsonObject): [string, string] {
  const { name, value } = parameter
  const text = isObject(value) ? value.stringValue : undefined
  if (typeof name !== 'string' || typeof text !== 'string') {
    throw new AwsError('ValidationException', 'The sandbox takes parameters of texts only.')
  }
  return [name, text]
}

/** PostgreSQL's names of types by their oid, as far as results may have them. */
const NAMES: Readonly<Record<number, string>> = {
  16: 'bool',
  17: 'bytea',
  20: 'int8',
  21: 'int2',
  23: 'int4',
  25: 'text',
  114: 'json',
  650: 'cidr',
  700: 'float4',
  701: 'float8',
  790: 'money',
  829: 'macaddr',
  869: 'inet',
  1000: '_bool',
  1001: '_bytea',
  1005: '_int2',
  1007: '_int4',
  1009: '_text',
  1015: '_varchar',
  1016: '_int8',
  1021: '_float4',
  1022: '_float8',
  1043: 'varchar',
  1082: 'date',
  1083: 'time',
  1114: 'timestamp',
  1115: '_timestamp',
  1182: '_date',
  1184: 'timestamptz',
  1185: '_timestamptz',
  1231: '_numeric',
  1700: 'numeric',
  2950: 'uuid',
  2951: '_uuid',
  3802: 'jsonb',
}

function metadataOf({ name, dataTypeID }: QueryArrayResult['fields'][number]): JsonObject {
  const typeName = NAMES[dataTypeID] ?? 'text'
  return {
    name,
    label: name,
    typeName,
    type: 0,
    nullable: 1,
    arrayBaseColumnType: 0,
    schemaName: '',
    tableName: '',
  }
}

function fieldOf(value: string | null, type: number): JsonObject {
  const name = NAMES[type] ?? 'text'
  if (value === null) return { isNull: true }
  if (name.startsWith('_')) return { arrayValue: arrayOf(value, name.slice(1)) }
  const scalar = scalarOf(value, name)
  if (name === 'bytea') return { blobValue: Buffer.from(value.slice(2), 'hex').toString('base64') }
  if (typeof scalar === 'boolean') return { booleanValue: scalar }
  if (typeof scalar === 'string') return { stringValue: scalar }
  return /^int/.test(name) ? { longValue: scalar } : { doubleValue: scalar }
}

function scalarOf(value: string, name: string): string | number | boolean {
  if (name === 'bool') return value === 't'
  if (/^(int|float)/.test(name)) return Number(value)
  // [REPORT] Without the zone, which is always UTC.
  return name === 'timestamptz' ? value.replace(/\+00$/, '') : value
}

const MEMBERS: readonly (readonly [RegExp, string])[] = [
  [/^bool$/, 'booleanValues'],
  [/^int/, 'longValues'],
  [/^float/, 'doubleValues'],
  [/./, 'stringValues'],
]

function arrayOf(text: string, name: string): JsonObject {
  if (/^\{\s*\{/.test(text)) {
    throw new AwsError('UnsupportedResultException', 'The result contains a multidimensional array.')
  }
  const member = MEMBERS.find(([pattern]) => pattern.test(name))?.[1] ?? ''
  return { [member]: elementsOf(text).map(item => (item === null ? null : scalarOf(item, name))) }
}

/** `{a,"b,c",NULL}` */
function elementsOf(text: string): readonly (string | null)[] {
  const items = text.slice(1, -1).matchAll(/"((?:\\.|[^"\\])*)"|([^,]+)/gs)
  return [...items].map(([, quoted, plain]) =>
    quoted === undefined ? (plain === 'NULL' ? null : (plain ?? '')) : quoted.replaceAll(/\\(.)/gs, '$1'),
  )
}
