/** Makes `create` run at most once, when its result is first asked for. */
export function once<Value>(create: () => Promise<Value>): () => Promise<Value> {
  let value: Promise<Value> | undefined
  return () => {
    value ??= create()
    return value
  }
}

/** All pages of a listing: `page` gets the token of the page before and returns items with the next token. */
export async function allPages<Item>(
  page: (
    token: string | undefined,
  ) => Promise<{ readonly items: readonly Item[]; readonly next: string | undefined }>,
): Promise<readonly Item[]> {
  const items: Item[] = []
  let token: string | undefined
  do {
    const answer = await page(token)
    items.push(...answer.items)
    token = answer.next
  } while (token !== undefined && token !== '')
  return items
}

/** Whether an error is AWS's error of one of these names (`ServiceNotFoundException`). */
export function isAwsError(error: unknown, ...names: readonly string[]): boolean {
  return error instanceof Error && names.includes(error.name)
}
