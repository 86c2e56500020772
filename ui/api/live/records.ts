// The records that the live fold is made of: which topics, how far back each is read, and a record of each handed to the
// fold as what it is. Kafka's feed and Pub/Sub's go through here, so both sides share what counts.

import type { CartRecord } from '../../../stack/contract/cart.ts'
import type { EnrichedEvent, RejectedEvent } from '../../../stack/contract/events.ts'
import type { SessionRecord } from '../../../stack/contract/session.ts'
import { topics } from '../../../stack/contract/topics.ts'
import { messageOf } from '../../../stack/base/errors.ts'
import type { Logger } from '../../../stack/base/logger.ts'
import { dayMs } from '../../../stack/base/units.ts'
import { eventsKeptMs, verdictsKeptMs } from './fold.ts'
import type { LiveFold, RecordPlace } from './fold.ts'

/** A cart or session may be older than its verdict by its greatest age. */
const keyedBackMs = verdictsKeptMs + dayMs

const backMs: Record<string, number> = {
  [topics.enriched.name]: eventsKeptMs,
  [topics.rejected.name]: eventsKeptMs,
  [topics.sessions.name]: keyedBackMs,
  [topics.carts.name]: keyedBackMs,
}
export const feedTopics = Object.keys(backMs)

/** Records of an earlier time count for nothing. */
export const windowStartMs = (topic: string, nowMs: number): number =>
  Math.max(0, nowMs - (backMs[topic] as number))

export interface RecordValue {
  value: Buffer | null
  nowMs: number
  logger: Logger
}

/** One that is not understood is skipped, and said. */
export function applyRecord(
  fold: LiveFold,
  place: RecordPlace,
  { value, nowMs, logger }: RecordValue,
): void {
  try {
    apply(fold, place, value === null ? null : JSON.parse(value.toString('utf8')), nowMs)
  } catch (error) {
    const { topic, partition, offset } = place
    const at = { topic, partition, offset }
    logger.warn('record not understood, skipped', { ...at, error: messageOf(error) })
  }
}

/** Stage one and two write these topics; their shape is the contract's. */
function apply(fold: LiveFold, place: RecordPlace, value: unknown, nowMs: number): void {
  switch (place.topic) {
    case topics.enriched.name:
      if (value !== null) fold.applyEvent(value as EnrichedEvent, place, nowMs)
      return
    case topics.rejected.name:
      if (value !== null) fold.applyRejected(value as RejectedEvent, place, nowMs)
      return
    case topics.sessions.name:
      fold.applySession(place.key ?? '', value as SessionRecord | null)
      return
    case topics.carts.name:
      fold.applyCart(place.key ?? '', value as CartRecord | null)
  }
}
