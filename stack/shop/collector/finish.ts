// Draft → canonical event, or the reason why not: the steps every dialect shares. Time is corrected once, addresses
// are cut, e-mail addresses removed, an id derived where the producer gave none; then the contract's validator judges.

import { validateEvent } from '#stack/contract/decode.ts'
import type { Refusal } from '#stack/contract/decode.ts'
import { limits } from '#stack/contract/event-fields.ts'
import { eventNames, noConsentId } from '#stack/contract/events.ts'
import type { ShopEvent } from '#stack/contract/events.ts'
import { hashId } from '#stack/contract/ids.ts'
import { isoTime } from '#stack/base/units.ts'
import type { RawObject } from '#stack/contract/upcast.ts'
import { truncateAddress } from './address.ts'
import { asText, noteDropped, put, putObject } from './draft.ts'
import type { Draft, MapContext } from './draft.ts'
import { canonicalJson, isDeeperThan, isPlainObject } from './json.ts'
import { withCampaign } from './page.ts'

export type Finished = { ok: true; event: ShopEvent } | (Refusal & { candidate: RawObject })

export function finish(draft: Draft, context: MapContext, position: number): Finished {
  const event: RawObject = {
    schemaVersion: '1.0',
    ...draft.envelope,
    eventId: draft.eventId,
    name: draft.name,
    eventTime: correctedTime(draft, context.receivedMs),
    receivedAt: isoTime(context.receivedMs),
    dialect: draft.dialect,
    data: draft.data,
  }
  put(event, 'source', event['source'] ?? context.source)
  put(event, 'sentAt', draft.sentAt)
  if (event['context'] === undefined) putObject(event, 'context', tidyContext(draft))
  removeEmails(draft)
  if (draft.eventId === undefined) deriveId(draft, event, position)
  putExtra(draft, event)
  if (draft.flags.size > 0) event['flags'] = [...draft.flags].sort()
  const { context: about, data } = event
  if (isDeeperThan(about, limits.depth) || isDeeperThan(data, limits.depth)) {
    return { ...tooDeep, candidate: event }
  }
  const result = validateEvent(event)
  return result.ok ? result : { ...result, candidate: event }
}

const tooDeep: Refusal = {
  ok: false,
  reason: 'bad_field',
  field: null,
  message: `the event has more than ${limits.depth} levels`,
}

/** 1.4: by both clocks of the producer where it gives both. What is no time is left for the validator to name. */
function correctedTime(draft: Draft, receivedMs: number): string | undefined {
  const { createdMs, sentMs, writtenTime } = draft
  if (createdMs === undefined) {
    if (writtenTime !== '') return writtenTime
    return draft.dialect === 'native' ? undefined : isoTime(receivedMs)
  }
  const correctedMs = sentMs === undefined ? createdMs : receivedMs - (sentMs - createdMs)
  const isRepresentable = correctedMs >= 0 && correctedMs <= latestMs
  return isRepresentable ? isoTime(correctedMs) : writtenTime
}

/** 9999-12-31T23:59:59.999Z, the last time RFC 3339 can write. */
const latestMs = 253_402_300_799_999

function tidyContext(draft: Draft): RawObject {
  const context = withCampaign(draft.context)
  const { ip } = context
  if (ip === undefined) return context
  const { ip: _, ...rest } = context
  const cut = typeof ip === 'string' ? truncateAddress(ip) : undefined
  if (cut === undefined) noteDropped(draft, ['context.ip'])
  return cut === undefined ? rest : { ip: cut, ...rest }
}

/** 1.2: over what the producer wrote, so that a request sent again gets the same ids. */
function deriveId(draft: Draft, event: RawObject, position: number): void {
  const isKnown = (eventNames as readonly unknown[]).includes(draft.name)
  event['eventId'] = hashId(
    String(event['source']),
    identityOf(event),
    isKnown ? String(draft.name) : 'custom',
    draft.writtenTime,
    canonicalJson(draft.data),
    String(position),
    ...(draft.idParts ?? []),
  )
  draft.flags.add('derivedId')
  if (draft.orderIdFromEvent && isPlainObject(draft.data)) {
    draft.data['orderId'] ??= event['eventId']
  }
}

/** Without consent nobody's identity may be guessed from an id either. */
function identityOf(event: RawObject): string {
  const { context } = event
  const consent = isPlainObject(context) ? context['consent'] : undefined
  if (isPlainObject(consent) && consent['analytics'] === false) return noConsentId
  return asText(event['anonymousId']) ?? asText(event['userId']) ?? ''
}

/** 1.3: traits hold no raw e-mail, and what has no home of its own neither. */
function removeEmails(draft: Draft): void {
  const found: string[] = []
  draft.extra = withoutEmails(draft.extra, 'extra', found)
  if (isPlainObject(draft.data) && isPlainObject(draft.data['traits'])) {
    draft.data['traits'] = withoutEmails(draft.data['traits'], 'traits', found)
  }
  noteDropped(draft, found)
}

function withoutEmails(value: RawObject, path: string, found: string[]): RawObject {
  const kept: RawObject = {}
  for (const [key, inner] of Object.entries(value)) {
    if (/^e-?mail/i.test(key)) found.push(`${path}.${key}`)
    else if (key === '__proto__') found.push(`${path}.${key}`)
    else kept[key] = isPlainObject(inner) ? withoutEmails(inner, `${path}.${key}`, found) : inner
  }
  return kept
}

/** At most 16 KiB: the largest fields go first, and leave their names. */
function putExtra(draft: Draft, event: RawObject): void {
  if (isDeeperThan(draft.extra, limits.depth - 2))
    dropWhere(draft, (value) => isDeeperThan(value, 8))
  const keys = Object.keys(draft.extra)
  if (keys.length > limits.keys) dropWhere(draft, (_, index) => index >= limits.keys - 2)
  while (Buffer.byteLength(JSON.stringify(draft.extra)) > limits.extraBytes) {
    const sizes = Object.entries(draft.extra).map(
      ([key, value]) => [key, key === 'dropped' ? 0 : JSON.stringify(value).length] as const,
    )
    const [largest] = sizes.sort(([, a], [, b]) => b - a)
    if (largest === undefined || largest[1] === 0) break
    dropWhere(draft, (_value, _index, key) => key === largest[0])
  }
  putObject(event, 'extra', draft.extra)
}

function dropWhere(
  draft: Draft,
  isDropped: (value: unknown, index: number, key: string) => boolean,
): void {
  const gone: string[] = []
  Object.entries(draft.extra).forEach(([key, value], index) => {
    if (key === 'dropped' || !isDropped(value, index, key)) return
    gone.push(key.slice(0, 64))
    delete draft.extra[key]
  })
  noteDropped(draft, gone.slice(0, 32))
}
