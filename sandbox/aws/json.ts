import { AwsError } from './errors.ts'

export type JsonObject = { readonly [name: string]: unknown }

/** Reads members of a request; a wrong type is refused as AWS's own deserialisers do, an absent one is undefined. */
export function reader(value: unknown, missing = 'InvalidParameterException'): Reader {
  const input = isObject(value) ? value : {}
  const text = (name: string) => typed(input, name, isText, 'String')
  const texts = (name: string) => typed(input, name, isTexts, 'List') ?? []
  const object = (name: string) => typed(input, name, isObject, 'Structure')
  const objects = (name: string) => typed(input, name, isObjects, 'List') ?? []
  const number = (name: string) => typed(input, name, isNumber, 'Integer')
  const flag = (name: string) => typed(input, name, isFlag, 'Boolean')
  const needText = (name: string) => {
    const found = text(name)
    if (found === undefined || found === '') throw new AwsError(missing, `${name} can not be blank.`)
    return found
  }
  return { input, text, texts, object, objects, number, flag, needText }
}

export type Reader = {
  readonly input: JsonObject
  text(name: string): string | undefined
  needText(name: string): string
  texts(name: string): readonly string[]
  object(name: string): JsonObject | undefined
  objects(name: string): readonly JsonObject[]
  number(name: string): number | undefined
  flag(name: string): boolean | undefined
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The members of `from` that are named and present. */
export function pick(from: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(
    names.filter(name => from[name] !== undefined && from[name] !== null).map(name => [name, from[name]]),
  )
}

/** A map of texts (environment, attributes, options); other values are left out. */
export function textMap(value: unknown): Readonly<Record<string, string>> {
  if (!isObject(value)) return {}
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => isText(entry[1])),
  )
}

function typed<T>(input: JsonObject, name: string, is: (value: unknown) => value is T, type: string) {
  const value = input[name]
  if (value === undefined || value === null) return undefined
  if (!is(value)) throw new AwsError('SerializationException', `Member ${name} can not be read as ${type}`)
  return value
}

const isText = (value: unknown): value is string => typeof value === 'string'
const isNumber = (value: unknown): value is number => typeof value === 'number'
const isFlag = (value: unknown): value is boolean => typeof value === 'boolean'
const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText)
const isObjects = (value: unknown): value is JsonObject[] => Array.isArray(value) && value.every(isObject)
