// Lists page by page, in order of names. A page token is opaque: the name behind which the next page begins.

import type { Page } from './messages.ts'
import { invalid } from './refused.ts'

const pageSizeMost = 1000
const prefix = 'after:'

export function paged<T>(
  all: readonly T[],
  { pageSize, pageToken }: Page,
  nameOf: (item: T) => string,
): { items: T[]; nextPageToken: string } {
  if (pageSize < 0) throw invalid(`Invalid page size given (page_size=${pageSize}).`)
  const size = pageSize === 0 ? pageSizeMost : Math.min(pageSize, pageSizeMost)
  const after = readToken(pageToken)
  const rest = all
    .filter((item) => nameOf(item) > after)
    .sort((one, other) => (nameOf(one) < nameOf(other) ? -1 : 1))
  const items = rest.slice(0, size)
  const last = items.at(-1)
  const hasMore = rest.length > items.length && last !== undefined
  return { items, nextPageToken: hasMore ? writeToken(nameOf(last)) : '' }
}

function writeToken(name: string): string {
  return Buffer.from(prefix + name).toString('base64url')
}

function readToken(token: string): string {
  if (token === '') return ''
  const text = Buffer.from(token, 'base64url').toString()
  if (text.startsWith(prefix)) return text.slice(prefix.length)
  throw invalid(`Invalid page token given (page_token=${token}).`)
}
