import type { JsonObject } from '../json.ts'
import type { Tag } from './types.ts'

export function tagsOf(list: readonly JsonObject[]): readonly Tag[] {
  return list.map(tag => ({ key: String(tag.key), value: String(tag.value ?? '') }))
}

/** `added` over `tags`, a key once. */
export function mergeTags(tags: readonly Tag[], added: readonly Tag[]): readonly Tag[] {
  const keys = new Set(added.map(tag => tag.key))
  return [...tags.filter(tag => !keys.has(tag.key)), ...added]
}
