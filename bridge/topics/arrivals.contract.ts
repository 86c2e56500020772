// For tests: a subscription beside each mirrored topic, what arrives there, and what of the lane's promise it shows:
// whether a record is missing, and whether any of a key came before an earlier one had come at all.

import type { PubSubClients } from '#stack/google/pubsub.ts'
import { partitionName } from '#stack/kafka-client/records.ts'
import type { Position } from '#stack/kafka-client/records.ts'
import { topicAtPubSub } from './mirrored-topics.ts'

export interface Arrival extends Position {
  orderingKey: string
  attributes: Record<string, string>
  text: string
}

export interface Judgement {
  /** Records that were written and did not arrive. */
  missing: string[]
  /** Arrivals that came although an earlier record of the same key had not. */
  early: string[]
  /** Arrivals whose position had arrived before. */
  copies: number
  /** Copies that hold something else. */
  changed: string[]
}

export async function subscribe(
  { publisher, subscriber }: PubSubClients,
  projectId: string,
  topics: readonly string[],
): Promise<void> {
  for (const topic of topics) {
    const name = topicAtPubSub(projectId, topic)
    await publisher.createTopic({ name }, { retry: null })
    await subscriber.createSubscription(
      { name: subscriptionName(projectId, topic), topic: name, enableMessageOrdering: true },
      { retry: null },
    )
  }
}

/** Everything that waits there, acknowledged. */
export async function arrivals(
  { subscriber }: PubSubClients,
  projectId: string,
  topic: string,
): Promise<Arrival[]> {
  const subscription = subscriptionName(projectId, topic)
  const all: Arrival[] = []
  for (;;) {
    const request = { subscription, maxMessages: 1000, returnImmediately: true }
    const [{ receivedMessages }] = await subscriber.pull(request, { retry: null })
    const received = receivedMessages ?? []
    if (received.length === 0) return all
    const ackIds = received.map(({ ackId }) => ackId as string)
    await subscriber.acknowledge({ subscription, ackIds }, { retry: null })
    for (const { message } of received) {
      const attributes = message?.attributes as Record<string, string>
      all.push({
        topic: attributes['kafka.topic'] as string,
        partition: Number(attributes['kafka.partition']),
        offset: Number(attributes['kafka.offset']),
        orderingKey: message?.orderingKey ?? '',
        attributes,
        text: Buffer.from(message?.data as Uint8Array).toString(),
      })
    }
  }
}

/** `ends`: per partition the offset after the last record; every offset below is one. */
export function judge(arrived: readonly Arrival[], ends: readonly Position[]): Judgement {
  const seen = new Map<string, string>()
  const newest = new Map<string, number>()
  const judgement: Judgement = { missing: [], early: [], copies: 0, changed: [] }
  for (const each of arrived) {
    const position = `${partitionName(each)}@${each.offset}`
    const before = seen.get(position)
    if (before !== undefined) {
      judgement.copies++
      if (before !== each.text) judgement.changed.push(position)
      continue
    }
    seen.set(position, each.text)
    const lane = `${partitionName(each)} ${each.orderingKey}`
    if ((newest.get(lane) ?? -1) > each.offset) judgement.early.push(position)
    newest.set(lane, Math.max(newest.get(lane) ?? -1, each.offset))
  }
  for (const end of ends) {
    for (let offset = 0; offset < end.offset; offset++) {
      const position = `${partitionName(end)}@${offset}`
      if (!seen.has(position)) judgement.missing.push(position)
    }
  }
  return judgement
}

function subscriptionName(projectId: string, topic: string): string {
  return `projects/${projectId}/subscriptions/${topic}`
}
