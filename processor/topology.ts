// The processor as data; read this first. Three stages, each a consumer group of its own over one topic, each with a
// changelog whose partitions have the numbers of its input's. Everything a stage knows lies in its changelog.
//
//   ecommerce-events ──▶ visitors ──▶ enriched-user-events, rejected-events, user-sessions
//                           │
//                           ├── names a cart ──▶ slipway-carts-by-id ──▶ cart-owners (the hop)
//                           │                                                  │
//                           └── by person ──▶ slipway-carts-by-person ◀────────┘
//                                                     │
//                                                     └──▶ persons ──▶ cart-episodes, cart-abandonment

import { topics } from '#stack/contract/topics.ts'
import type { TopicDefinition } from '#stack/contract/topics.ts'

export type StageName = 'visitors' | 'cart-owners' | 'persons'

export interface StageDefinition {
  name: StageName
  groupId: string
  input: TopicDefinition
  changelog: TopicDefinition
}

export const stageDefinitions: Readonly<Record<StageName, StageDefinition>> = {
  visitors: {
    name: 'visitors',
    groupId: 'slipway-visitors',
    input: topics.events,
    changelog: topics.visitorsChangelog,
  },
  'cart-owners': {
    name: 'cart-owners',
    groupId: 'slipway-cart-owners',
    input: topics.cartsById,
    changelog: topics.cartOwnersChangelog,
  },
  persons: {
    name: 'persons',
    groupId: 'slipway-persons',
    input: topics.cartsByPerson,
    changelog: topics.personsChangelog,
  },
}

/** Topics whose partitions must be as many: a record stays in the partition of its input, a watermark goes to all. */
export const alikeTopics: readonly TopicDefinition[] = [
  topics.events,
  topics.enriched,
  topics.rejected,
  topics.cartsById,
  topics.cartsByPerson,
  topics.visitorsChangelog,
  topics.cartOwnersChangelog,
  topics.personsChangelog,
]
