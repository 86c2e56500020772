// One body of a dialect → what becomes of each of its events. Pure: the same body, dialect, time and position give
// the same outcomes. This is the collector without HTTP and Kafka, and what tests of other rooms map raw input with.

import { limits } from '#stack/contract/event-fields.ts'
import type { Dialect, RejectReason, ShopEvent } from '#stack/contract/events.ts'
import { defaultSettings } from '#stack/contract/settings.ts'
import { holdsHalfPair } from '#stack/contract/surrogates.ts'
import type { RawObject } from '#stack/contract/upcast.ts'
import type { Draft, MapContext, Mapped, Visitor } from './draft.ts'
import { mapCloudEvents } from './cloudevents.ts'
import { finish } from './finish.ts'
import type { Finished } from './finish.ts'
import { mapGa4 } from './ga4.ts'
import { mapNative } from './native.ts'
import { rejectedBody } from './rejected.ts'
import { mapRetail } from './retail.ts'
import { mapSegment } from './segment.ts'
import { mapShopify } from './shopify.ts'
import { mapSnowplow } from './snowplow.ts'

export interface Rejection {
  position: number
  reason: RejectReason
  field: string | null
  message: string
}

export type Outcome =
  | { position: number; event: ShopEvent; value: string }
  | {
      position: number
      rejection: Rejection
      dialect: Dialect
      source: string | null
      body: string | Buffer
    }

export type Mapper = (body: unknown, context: MapContext) => Mapped[]

export const mapperByDialect: Readonly<Record<Dialect, Mapper>> = {
  native: mapNative,
  ga4: mapGa4,
  segment: mapSegment,
  rudderstack: mapSegment,
  snowplow: mapSnowplow,
  shopify: mapShopify,
  retail: mapRetail,
  cloudevents: mapCloudEvents,
}

export interface CollectOptions {
  receivedMs: number
  position?: number
  source?: string
  defaultCurrency?: string
  visitor?: Visitor
}

/** The source of a producer that does not name itself. */
export const defaultSource = 'web'

/** `body` is parsed JSON, by parseJson where its amounts matter to the last digit. */
export function collect(dialect: Dialect, body: unknown, options: CollectOptions): Outcome[] {
  return collectMapped(dialect, mapperByDialect[dialect], body, options)
}

export function collectMapped(
  dialect: Dialect,
  mapper: Mapper,
  body: unknown,
  options: CollectOptions,
): Outcome[] {
  const context: MapContext = {
    receivedMs: options.receivedMs,
    position: options.position ?? 0,
    source: options.source ?? defaultSource,
    defaultCurrency: options.defaultCurrency ?? defaultSettings.defaultCurrency,
  }
  return mapper(body, context).map((mapped, index) => {
    const position = context.position + index
    const isReadable = !('unreadable' in mapped)
    if (isReadable && options.visitor) addVisitor(mapped, options.visitor)
    return isReadable
      ? conclude(mapped, context, position)
      : outcomeOf(notObject, mapped.raw, dialect, position)
  })
}

/** What becomes of one draft. */
export function conclude(draft: Draft, context: MapContext, position: number): Outcome {
  return outcomeOf(finish(draft, context, position), draft.raw, draft.dialect, position)
}

/** What the body says of the browser wins over what the request shows. */
function addVisitor({ context, envelope }: Draft, visitor: Visitor): void {
  if (envelope['context'] !== undefined) return
  context['userAgent'] ??= visitor.userAgent.slice(0, limits.textUnits)
  context['ip'] ??= visitor.ip
}

function outcomeOf(finished: Finished, raw: unknown, dialect: Dialect, position: number): Outcome {
  let refusal: Omit<Rejection, 'position'>
  if (finished.ok) {
    const value = JSON.stringify(finished.event)
    const fault = faultOf(value, finished.event)
    if (fault === undefined) return { position, event: finished.event, value }
    refusal = fault
  } else refusal = finished
  const { reason, field, message } = refusal
  // An event is a plain object, here as anywhere.
  const candidate = finished.ok ? (finished.event as unknown as RawObject) : finished.candidate
  return {
    position,
    rejection: { position, reason, field, message },
    dialect,
    source: typeof candidate['source'] === 'string' ? candidate['source'] : null,
    body: rejectedBody(candidate, raw),
  }
}

/** What only the event's text shows; the topic's readers would refuse it for the same. */
function faultOf(value: string, event: ShopEvent): Omit<Rejection, 'position'> | undefined {
  if (Buffer.byteLength(value) > limits.eventBytes) {
    return { reason: 'too_large', field: null, message: `more than ${limits.eventBytes} bytes` }
  }
  if (!holdsHalfPair(value, event)) return undefined
  return { reason: 'not_json', field: null, message: 'a string holds half of a surrogate pair' }
}

const notObject: Finished = {
  ok: false,
  reason: 'not_object',
  field: null,
  message: 'the event is no JSON object',
  candidate: {},
}
