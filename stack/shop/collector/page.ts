// What an address says beside where the page is: its path, and the campaign that led there (utm_*, click ids). Fields
// that the producer gave win.

import type { RawObject } from '#stack/contract/upcast.ts'
import { put, putObject } from './draft.ts'
import { isPlainObject } from './json.ts'

const campaignByParameter = {
  utm_source: 'source',
  utm_medium: 'medium',
  utm_campaign: 'name',
  utm_term: 'term',
  utm_content: 'content',
  utm_id: 'id',
} as const
const clickIds = ['gclid', 'fbclid', 'msclkid'] as const

export function withCampaign(context: RawObject): RawObject {
  const { page } = context
  const address = isPlainObject(page) && typeof page['url'] === 'string' ? page['url'] : ''
  const url = URL.parse(address)
  if (url === null || !isPlainObject(page)) return context
  const read = { ...context }
  if (page['path'] === undefined) read['page'] = { ...page, path: url.pathname }
  if (context['campaign'] === undefined) putObject(read, 'campaign', campaignOf(url))
  if (context['clickIds'] === undefined) putObject(read, 'clickIds', clickIdsOf(url))
  return read
}

function campaignOf(url: URL): RawObject {
  const campaign: RawObject = {}
  for (const [parameter, field] of Object.entries(campaignByParameter)) {
    put(campaign, field, short(url.searchParams.get(parameter)))
  }
  return campaign
}

function clickIdsOf(url: URL): RawObject {
  const ids: RawObject = {}
  for (const id of clickIds) put(ids, id, short(url.searchParams.get(id)))
  return ids
}

/** A long value stays in the address alone: it must not cost the event. */
function short(text: string | null): string | undefined {
  return text === null || text.length > 256 ? undefined : text
}
