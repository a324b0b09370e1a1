import { AwsError } from '../errors.ts'
import type { JsonObject } from '../json.ts'
import type { Tag } from './types.ts'

export function tagsOf(list: readonly JsonObject[]): readonly Tag[] {
  return list.map(tag => ({ key: String(tag.key), value: String(tag.value ?? '') }))
}

/** Only AWS itself sets tags with its own prefix, and a caller sends no empty list [REPORT, facts/corrections.md]. */
export function refuseTags(list: unknown): void {
  if (!Array.isArray(list)) return
  const refuse = (message: string) => {
    throw new AwsError('InvalidParameterException', message)
  }
  if (list.length === 0) refuse('Tags can not be empty.')
  if (list.some(tag => /^aws:/i.test(String(tag.key))))
    refuse('aws: prefixed tag key names are not allowed for external use.')
}

/** `added` over `tags`, a key once. */
export function mergeTags(tags: readonly Tag[], added: readonly Tag[]): readonly Tag[] {
  const keys = new Set(added.map(tag => tag.key))
  return [...tags.filter(tag => !keys.has(tag.key)), ...added]
}
