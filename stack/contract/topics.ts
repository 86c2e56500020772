// The topics (decisions.md 4) with the settings they are created with. History can be rebuilt from them, so nothing
// is deleted by time; event times may lie years back, and a test may move the clock ahead.

import { GiB } from '../base/units.ts'

export interface TopicDefinition {
  name: string
  /** What the record key is, for documents. */
  key: string
  cleanup: 'delete' | 'compact' | 'compact,delete'
  retentionBytes: number
  /** Internal topics of the processor are not mirrored anywhere. */
  internal: boolean
}

/** The largest time in the future that Kafka accepts as "no limit". */
const unlimitedMs = '9223372036854775807'

const define = (
  name: string,
  key: string,
  cleanup: TopicDefinition['cleanup'],
  internal = false,
): TopicDefinition => ({ name, key, cleanup, retentionBytes: 16 * GiB, internal })

export const topics = {
  events: define('ecommerce-events', 'anonymousId, else userId; without consent eventId', 'delete'),
  rejected: define('rejected-events', 'source position', 'delete'),
  enriched: define('enriched-user-events', 'anonymousId, else userId', 'delete'),
  sessions: define('user-sessions', 'session key', 'compact'),
  carts: define('cart-episodes', 'cart key # episode', 'compact'),
  abandonment: define('cart-abandonment', 'abandonmentId', 'compact,delete'),
  bridgeErrors: define('bridge-errors', 'lane and position', 'delete'),
  /** Stage one → hop: events that name a cartId, by cartId. */
  cartsById: define('slipway-carts-by-id', 'cartId', 'delete', true),
  /** Stage one and hop → stage two: what a person's carts are folded from, by person. */
  cartsByPerson: define('slipway-carts-by-person', 'person', 'delete', true),
  /** Changelogs: the state of each stage, by the key of its input. */
  visitorsChangelog: define('slipway-visitors-changelog', 'visitor', 'compact', true),
  cartOwnersChangelog: define('slipway-cart-owners-changelog', 'cartId', 'compact', true),
  personsChangelog: define('slipway-persons-changelog', 'person', 'compact', true),
} as const satisfies Record<string, TopicDefinition>

/** Kafka's settings for one of them; what a topic has no say in is left to the broker. */
export function topicConfig(topic: TopicDefinition): Record<string, string> {
  return {
    'cleanup.policy': topic.cleanup,
    'retention.ms': '-1',
    'retention.bytes': String(topic.retentionBytes),
    'message.timestamp.after.max.ms': unlimitedMs,
  }
}

/** Every topic as it is to be created; each part makes sure of them when it starts. */
export function topicSpecs(
  partitions: number,
): { name: string; partitions: number; config: Record<string, string> }[] {
  return Object.values(topics).map((topic) => ({
    name: topic.name,
    partitions,
    config: topicConfig(topic),
  }))
}

/** Header of records written by import and by past traffic: an id of the load (T2). */
export const loadHeader = 'slipway-load'
/** Header of the one record per partition that closes a load; its value is empty. */
export const loadEndHeader = 'slipway-load-end'
