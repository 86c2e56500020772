// What a Pub/Sub promises to Google's own client, unmodified, for whoever serves it.
// A target says how time passes there and which promises it is known not to keep.

import type { PubSub as PubSubClient } from '@google-cloud/pubsub'
import type { v1 } from '@google-cloud/pubsub'
import { afterAll, beforeAll, describe, expect, test as everyTest, vi } from 'vitest'
import { connectPubSub } from '#stack/google/pubsub.ts'
import type { PubSubClients } from '#stack/google/pubsub.ts'

export interface ContractTarget {
  name: string
  /** host:port of a server that lives as long as the suite. */
  start(): Promise<{ address: string; close(): Promise<void> }>
  /** Lets this much protocol time pass. */
  pass(ms: number): Promise<void>
  /** Names of tests that are known to fail there, with the reason. */
  knownDifferences: Readonly<Record<string, string>>
}

const codes = {
  invalid: 3,
  notFound: 5,
  alreadyExists: 6,
  failedPrecondition: 9,
  unimplemented: 12,
} as const

export function pubsubContract(target: ContractTarget): void {
  const test = (name: string, run: () => Promise<void>): void => {
    const reason = target.knownDifferences[name]
    // oxlint-disable-next-line vitest/expect-expect, vitest/valid-title -- what is tested is given
    everyTest.skipIf(reason !== undefined)(reason === undefined ? name : `${name} (${reason})`, run)
  }

  describe(`Pub/Sub as ${target.name}`, () => {
    let server: Awaited<ReturnType<ContractTarget['start']>>
    let clients: PubSubClients
    let client: PubSubClient
    let publisher: v1.PublisherClient
    let subscriber: v1.SubscriberClient

    beforeAll(async () => {
      server = await target.start()
      clients = await connectPubSub({
        mode: 'emulator',
        projectId: 'contract',
        pubsub: server.address,
      })
      ;({ client, publisher, subscriber } = clients)
    })
    afterAll(async () => {
      await clients?.close()
      await server?.close()
    })

    let named = 0
    const newName = (kind: 'topics' | 'subscriptions' | 'snapshots') =>
      `projects/contract/${kind}/case-${++named}`
    const newTopic = async (config: object = {}): Promise<string> => {
      const name = newName('topics')
      await publisher.createTopic({ ...config, name })
      return name
    }
    const newSubscription = async (topic: string, config: object = {}): Promise<string> => {
      const name = newName('subscriptions')
      await subscriber.createSubscription({ ...config, name, topic })
      return name
    }
    const publish = async (
      topic: string,
      texts: readonly string[],
      more: { orderingKey?: string; attributes?: Record<string, string> } = {},
    ): Promise<string[]> => {
      const messages = texts.map((text) => ({ data: Buffer.from(text), ...more }))
      const [{ messageIds }] = await publisher.publish({ topic, messages })
      return messageIds ?? []
    }
    interface Received {
      ackId: string
      text: string
      attempt: number
      attributes: Record<string, string>
      id: string
    }
    const pull = async (subscription: string, maxMessages = 100): Promise<Received[]> => {
      const [{ receivedMessages }] = await subscriber.pull({
        subscription,
        maxMessages,
        returnImmediately: true,
      })
      return (receivedMessages ?? []).map(({ ackId, message, deliveryAttempt }) => ({
        ackId: ackId as string,
        text: Buffer.from((message?.data ?? '') as Uint8Array).toString(),
        attempt: deliveryAttempt ?? 0,
        attributes: (message?.attributes ?? {}) as Record<string, string>,
        id: message?.messageId as string,
      }))
    }
    const texts = async (subscription: string, maxMessages?: number): Promise<string[]> =>
      (await pull(subscription, maxMessages)).map(({ text }) => text)
    const ackIdsOf = (received: readonly Received[]): string[] => received.map(({ ackId }) => ackId)
    const nack = (subscription: string, received: readonly Received[]) =>
      subscriber.modifyAckDeadline({
        subscription,
        ackIds: ackIdsOf(received),
        ackDeadlineSeconds: 0,
      })
    const ack = (subscription: string, received: readonly Received[]) =>
      subscriber.acknowledge({ subscription, ackIds: ackIdsOf(received) })
    const refused = async (code: number, call: Promise<unknown>): Promise<void> => {
      const answer = await call.then(
        () => ({ code: 0, details: 'it was not refused' }),
        ({ code: refusal, details }: { code: number; details?: string }) => ({
          code: refusal,
          details,
        }),
      )
      expect(answer).toMatchObject({ code })
    }

    describe('topics', () => {
      test('a created topic is returned, found and listed', async () => {
        const name = newName('topics')
        const [created] = await publisher.createTopic({ name, labels: { team: 'shop' } })
        expect(created).toMatchObject({ name, labels: { team: 'shop' } })
        const [found] = await publisher.getTopic({ topic: name })
        expect(found.name).toBe(name)
        const [listed] = await publisher.listTopics({ project: 'projects/contract' })
        expect(listed.map((topic) => topic.name)).toContain(name)
      })
      test('a topic that is there is not created again', async () => {
        const name = await newTopic()
        await refused(codes.alreadyExists, publisher.createTopic({ name }))
      })
      test('a topic that is not there is not found', () =>
        refused(codes.notFound, publisher.getTopic({ topic: 'projects/contract/topics/nobody' })))
      test('a topic that is not there cannot be deleted', () =>
        refused(
          codes.notFound,
          publisher.deleteTopic({ topic: 'projects/contract/topics/nobody' }),
        ))
      for (const id of ['ab', 'a'.repeat(256), '1st', 'goog-mine', 'sp ace', 'a/b']) {
        test(`a topic cannot be named ${id.slice(0, 12)}`, () =>
          refused(codes.invalid, publisher.createTopic({ name: `projects/contract/topics/${id}` })))
      }
      test('a name without its collection is refused', () =>
        refused(codes.invalid, publisher.createTopic({ name: 'projects/contract/orders' })))
      test('labels and retention can be updated', async () => {
        const name = await newTopic()
        const topic = {
          name,
          labels: { tier: 'gold' },
          messageRetentionDuration: { seconds: 3600 },
        }
        const [updated] = await publisher.updateTopic({
          topic,
          updateMask: { paths: ['labels', 'message_retention_duration'] },
        })
        expect(updated.labels).toEqual({ tier: 'gold' })
        expect(Number(updated.messageRetentionDuration?.seconds)).toBe(3600)
      })
      test('an update names the fields it changes', async () => {
        const name = await newTopic()
        await refused(
          codes.invalid,
          publisher.updateTopic({ topic: { name }, updateMask: { paths: [] } }),
        )
      })
      test('an update of an unknown field is refused', async () => {
        const name = await newTopic()
        await refused(
          codes.invalid,
          publisher.updateTopic({ topic: { name }, updateMask: { paths: ['colour'] } }),
        )
      })
      test('retention under ten minutes is refused', () =>
        refused(
          codes.invalid,
          publisher.createTopic({
            name: newName('topics'),
            messageRetentionDuration: { seconds: 599 },
          }),
        ))
      test('retention over 31 days is refused', () =>
        refused(
          codes.invalid,
          publisher.createTopic({
            name: newName('topics'),
            messageRetentionDuration: { seconds: 31 * 86_400 + 1 },
          }),
        ))
      test('a list goes on where its page token says', async () => {
        const project = 'projects/paged'
        for (const id of ['one', 'two', 'three']) {
          await publisher.createTopic({ name: `${project}/topics/${id}` })
        }
        const [first, , firstPage] = await publisher.listTopics(
          { project, pageSize: 2 },
          { autoPaginate: false },
        )
        expect(first).toHaveLength(2)
        const pageToken = (firstPage as { nextPageToken: string }).nextPageToken
        const [second] = await publisher.listTopics(
          { project, pageSize: 2, pageToken },
          { autoPaginate: false },
        )
        expect(
          [...first, ...second]
            .map(({ name }) => name?.split('/')[3] ?? '')
            .toSorted((one, other) => (one < other ? -1 : 1)),
        ).toEqual(['one', 'three', 'two'])
      })
      test('a project does not see the topics of another whose name begins with its own', async () => {
        await publisher.createTopic({ name: 'projects/contract2/topics/hidden' })
        const [listed] = await publisher.listTopics({ project: 'projects/contract' })
        expect(listed.map(({ name }) => name)).not.toContain('projects/contract2/topics/hidden')
      })
      test('the subscriptions of a topic are listed', async () => {
        const topic = await newTopic()
        const subscription = await newSubscription(topic)
        const [listed] = await publisher.listTopicSubscriptions({ topic })
        expect(listed).toEqual([subscription])
      })
      test('a deleted topic leaves its subscriptions, which say so and keep their backlog', async () => {
        const topic = await newTopic()
        const subscription = await newSubscription(topic)
        await publish(topic, ['kept'])
        await publisher.deleteTopic({ topic })
        const [found] = await subscriber.getSubscription({ subscription })
        expect(found.topic).toBe('_deleted-topic_')
        expect(await texts(subscription)).toEqual(['kept'])
      })
      test('a topic created again under the same name is another topic', async () => {
        const topic = await newTopic()
        const subscription = await newSubscription(topic)
        await publisher.deleteTopic({ topic })
        await publisher.createTopic({ name: topic })
        await publish(topic, ['for nobody'])
        expect(await texts(subscription)).toEqual([])
      })
    })

    describe('publishing', () => {
      test('ids come in the order of the messages and are all different', async () => {
        const ids = await publish(await newTopic(), ['a', 'b', 'c'])
        expect(new Set(ids).size).toBe(3)
        expect(ids.map(Number)).toEqual(ids.map(Number).sort((one, other) => one - other))
      })
      test('data, attributes, id, key and time arrive', async () => {
        const topic = await newTopic()
        const subscription = await newSubscription(topic)
        const data = Buffer.from([0, 255, 128, 10])
        const attributes = { 'kafka.topic': 'orders', empty: '' }
        const [{ messageIds }] = await publisher.publish({
          topic,
          messages: [{ data, attributes, orderingKey: 'k' }],
        })
        const [{ receivedMessages }] = await subscriber.pull({ subscription, maxMessages: 1 })
        const message = receivedMessages?.[0]?.message
        expect(Buffer.from(message?.data as Uint8Array)).toEqual(data)
        expect(message?.attributes).toEqual(attributes)
        expect(message?.messageId).toBe(messageIds?.[0])
        expect(message?.orderingKey).toBe('k')
        expect(Math.abs(Number(message?.publishTime?.seconds) * 1000 - Date.now())).toBeLessThan(
          10 * 60_000,
        )
      })
      test('attributes alone are a message', async () => {
        const topic = await newTopic()
        const subscription = await newSubscription(topic)
        await publisher.publish({ topic, messages: [{ attributes: { tombstone: 'true' } }] })
        const [received] = await pull(subscription)
        expect(received).toMatchObject({ text: '', attributes: { tombstone: 'true' } })
      })
      test('an id that the publisher gives is not kept', async () => {
        const topic = await newTopic()
        const subscription = await newSubscription(topic)
        const [{ messageIds }] = await publisher.publish({
          topic,
          messages: [{ data: Buffer.from('x'), messageId: 'mine' }],
        })
        const [received] = await pull(subscription)
        expect(received?.id).toBe(messageIds?.[0])
        expect(received?.id).not.toBe('mine')
      })
      test('nothing at all is no message', async () => {
        const topic = await newTopic()
        await refused(codes.invalid, publisher.publish({ topic, messages: [{}] }))
      })
      test('no messages are no request', async () => {
        const topic = await newTopic()
        await refused(codes.invalid, publisher.publish({ topic, messages: [] }))
      })
      test('one bad message refuses the whole request', async () => {
        const topic = await newTopic()
        const subscription = await newSubscription(topic)
        const messages = [{ data: Buffer.from('good') }, {}]
        await refused(codes.invalid, publisher.publish({ topic, messages }))
        expect(await pull(subscription)).toEqual([])
      })
      test('1,000 messages are taken, 1,001 are not', async () => {
        const topic = await newTopic()
        const messages = Array.from({ length: 1001 }, () => ({ data: Buffer.from('x') }))
        await publisher.publish({ topic, messages: messages.slice(1) })
        await refused(codes.invalid, publisher.publish({ topic, messages }))
      })
      test('a request over 10 MB is refused by the service', async () => {
        const topic = await newTopic()
        const data = Buffer.alloc(10_000_001)
        await refused(codes.invalid, publisher.publish({ topic, messages: [{ data }] }))
      })
      test('two ordering keys in one request are refused', async () => {
        const topic = await newTopic()
        const messages = ['a', 'b'].map((orderingKey) => ({ data: Buffer.from('x'), orderingKey }))
        await refused(codes.failedPrecondition, publisher.publish({ topic, messages }))
      })
      const data = Buffer.from('x')
      const many = (count: number) =>
        Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']))
      for (const [what, message] of [
        ['an ordering key of 1,025 bytes', { data, orderingKey: 'k'.repeat(1025) }],
        ['101 attributes', { data, attributes: many(101) }],
        ['an attribute key of 257 bytes', { data, attributes: { ['k'.repeat(257)]: 'v' } }],
        ['an attribute value of 1,025 bytes', { data, attributes: { k: 'v'.repeat(1025) } }],
        ['an attribute that begins with goog', { data, attributes: { googclient: 'v' } }],
        ['an attribute without a key', { data, attributes: { '': 'v' } }],
      ] as const) {
        test(`${what} is refused`, async () => {
          const topic = await newTopic()
          await refused(codes.invalid, publisher.publish({ topic, messages: [message] }))
        })
      }
      test('what is just within the limits is taken', async () => {
        const topic = await newTopic()
        const message = {
          data,
          orderingKey: 'k'.repeat(1024),
          attributes: { ...many(98), ['k'.repeat(256)]: 'v', long: 'v'.repeat(1024) },
        }
        expect(await publisher.publish({ topic, messages: [message] })).toBeDefined()
      })
      test('a topic that is not there takes nothing', () =>
        refused(
          codes.notFound,
          publisher.publish({ topic: 'projects/contract/topics/nobody', messages: [{ data }] }),
        ))
    })

    describe('subscriptions', () => {
      test('defaults are those of the service', async () => {
        const topic = await newTopic()
        const [found] = await subscriber.createSubscription({
          name: newName('subscriptions'),
          topic,
        })
        expect(found).toMatchObject({
          topic,
          ackDeadlineSeconds: 10,
          retainAckedMessages: false,
          enableMessageOrdering: false,
        })
        expect(Number(found.messageRetentionDuration?.seconds)).toBe(7 * 86_400)
        expect(Number(found.expirationPolicy?.ttl?.seconds)).toBe(31 * 86_400)
      })
      test('a subscription to a topic that is not there is not found', () =>
        refused(codes.notFound, newSubscription('projects/contract/topics/nobody')))
      test('a subscription that is there is not created again', async () => {
        const topic = await newTopic()
        const name = await newSubscription(topic)
        await refused(codes.alreadyExists, subscriber.createSubscription({ name, topic }))
      })
      test('a subscription cannot be named like a topic', async () => {
        const topic = await newTopic()
        await refused(
          codes.invalid,
          subscriber.createSubscription({ name: 'projects/contract/topics/mine', topic }),
        )
      })
      for (const [what, config] of [
        ['an ack deadline of 9 s', { ackDeadlineSeconds: 9 }],
        ['an ack deadline of 601 s', { ackDeadlineSeconds: 601 }],
        ['retention of 9 minutes', { messageRetentionDuration: { seconds: 540 } }],
        ['an expiry after an hour', { expirationPolicy: { ttl: { seconds: 3600 } } }],
        ['a back-off over 600 s', { retryPolicy: { maximumBackoff: { seconds: 601 } } }],
        [
          'a least back-off above the most',
          { retryPolicy: { minimumBackoff: { seconds: 20 }, maximumBackoff: { seconds: 10 } } },
        ],
        ['a filter that is none', { filter: 'colour = "red"' }],
        ['a filter over 256 bytes', { filter: `attributes.k = "${'v'.repeat(256)}"` }],
        ['a push endpoint that is no address', { pushConfig: { pushEndpoint: 'shop.example' } }],
      ] as const) {
        test(`${what} is refused`, async () => {
          const topic = await newTopic()
          await refused(codes.invalid, newSubscription(topic, config))
        })
      }
      for (const maxDeliveryAttempts of [4, 101]) {
        test(`a dead letter after ${maxDeliveryAttempts} attempts is refused`, async () => {
          const topic = await newTopic()
          const deadLetterPolicy = { deadLetterTopic: topic, maxDeliveryAttempts }
          await refused(codes.invalid, newSubscription(topic, { deadLetterPolicy }))
        })
      }
      test('a dead-letter topic must be there', async () => {
        const topic = await newTopic()
        const deadLetterPolicy = { deadLetterTopic: 'projects/contract/topics/nobody' }
        await refused(codes.notFound, newSubscription(topic, { deadLetterPolicy }))
      })
      test('it receives what is published after it was made, not before', async () => {
        const topic = await newTopic()
        await publish(topic, ['before'])
        const subscription = await newSubscription(topic)
        await publish(topic, ['after'])
        expect(await texts(subscription)).toEqual(['after'])
      })
      test('also on a topic that retains, it begins empty', async () => {
        const topic = await newTopic({ messageRetentionDuration: { seconds: 3600 } })
        await publish(topic, ['before'])
        expect(await texts(await newSubscription(topic))).toEqual([])
      })
      test('two subscriptions each receive everything', async () => {
        const topic = await newTopic()
        const [one, other] = [await newSubscription(topic), await newSubscription(topic)]
        await publish(topic, ['x'])
        expect([await texts(one), await texts(other)]).toEqual([['x'], ['x']])
      })
      test('what may change is changed, the rest stays', async () => {
        const name = await newSubscription(await newTopic(), { labels: { a: '1' } })
        const [updated] = await subscriber.updateSubscription({
          subscription: { name, ackDeadlineSeconds: 30, labels: {} },
          updateMask: { paths: ['ack_deadline_seconds'] },
        })
        expect(updated).toMatchObject({ ackDeadlineSeconds: 30, labels: { a: '1' } })
      })
      for (const path of ['filter', 'enable_message_ordering', 'topic', 'colour']) {
        test(`${path} cannot be changed`, async () => {
          const name = await newSubscription(await newTopic())
          await refused(
            codes.invalid,
            subscriber.updateSubscription({
              subscription: { name, filter: 'attributes:a', enableMessageOrdering: true },
              updateMask: { paths: [path] },
            }),
          )
        })
      }
      test('an expiry policy without a time is never', async () => {
        const name = await newSubscription(await newTopic(), { expirationPolicy: {} })
        const [found] = await subscriber.getSubscription({ subscription: name })
        expect(found.expirationPolicy?.ttl ?? null).toBeNull()
      })
      test('a deleted one is gone', async () => {
        const subscription = await newSubscription(await newTopic())
        await subscriber.deleteSubscription({ subscription })
        await refused(codes.notFound, subscriber.getSubscription({ subscription }))
      })
      test('a detached one gives nothing any more and says so', async () => {
        const topic = await newTopic()
        const subscription = await newSubscription(topic)
        await publish(topic, ['x'])
        await publisher.detachSubscription({ subscription })
        const [found] = await subscriber.getSubscription({ subscription })
        expect(found.detached).toBe(true)
        await refused(codes.failedPrecondition, subscriber.pull({ subscription, maxMessages: 1 }))
      })
    })

    describe('pulling and acknowledging', () => {
      test('a pull takes as many as it asks for', async () => {
        const topic = await newTopic()
        const subscription = await newSubscription(topic)
        await publish(topic, ['a', 'b', 'c'])
        expect(await texts(subscription, 2)).toHaveLength(2)
        expect(await texts(subscription, 2)).toHaveLength(1)
      })
      test('a pull of nothing is refused', async () => {
        const subscription = await newSubscription(await newTopic())
        await refused(codes.invalid, subscriber.pull({ subscription, maxMessages: 0 }))
      })
      test('a pull that waits is answered by the first message', async () => {
        const topic = await newTopic()
        const subscription = await newSubscription(topic)
        const waiting = subscriber.pull({ subscription, maxMessages: 10 })
        await publish(topic, ['first'])
        const [{ receivedMessages }] = await waiting
        expect(receivedMessages).toHaveLength(1)
      })
      test('what is out is not given again before its deadline', async () => {
        const topic = await newTopic()
        const subscription = await newSubscription(topic)
        await publish(topic, ['x'])
        await pull(subscription)
        expect(await pull(subscription)).toEqual([])
      })
      test('what is not acknowledged by its deadline comes again, with another ack id', async () => {
        const topic = await newTopic()
        const subscription = await newSubscription(topic)
        await publish(topic, ['x'])
        const [first] = await pull(subscription)
        await target.pass(11_000)
        const [again] = await pull(subscription)
        expect(again?.text).toBe('x')
        expect(again?.ackId).not.toBe(first?.ackId)
      })
      test('what is acknowledged never comes again', async () => {
        const topic = await newTopic()
        const subscription = await newSubscription(topic)
        await publish(topic, ['x'])
        await ack(subscription, await pull(subscription))
        await target.pass(11_000)
        expect(await pull(subscription)).toEqual([])
      })
      test('a nack brings it back at once', async () => {
        const topic = await newTopic()
        const subscription = await newSubscription(topic)
        await publish(topic, ['x'])
        await nack(subscription, await pull(subscription))
        expect(await texts(subscription)).toEqual(['x'])
      })
      test('a longer deadline holds it longer', async () => {
        const topic = await newTopic()
        const subscription = await newSubscription(topic)
        await publish(topic, ['x'])
        const received = await pull(subscription)
        await subscriber.modifyAckDeadline({
          subscription,
          ackIds: ackIdsOf(received),
          ackDeadlineSeconds: 60,
        })
        await target.pass(11_000)
        expect(await pull(subscription)).toEqual([])
        await target.pass(50_000)
        expect(await texts(subscription)).toEqual(['x'])
      })
      test('a deadline over 600 s is refused', async () => {
        const topic = await newTopic()
        const subscription = await newSubscription(topic)
        await publish(topic, ['x'])
        const ackIds = ackIdsOf(await pull(subscription))
        await refused(
          codes.invalid,
          subscriber.modifyAckDeadline({ subscription, ackIds, ackDeadlineSeconds: 601 }),
        )
      })
      test('an acknowledgement that comes too late is taken without a word', async () => {
        const topic = await newTopic()
        const subscription = await newSubscription(topic)
        await publish(topic, ['x'])
        const late = await pull(subscription)
        await target.pass(11_000)
        await ack(subscription, late)
        expect(await texts(subscription)).toEqual(['x'])
      })
      test('an ack id that is none is refused', async () => {
        const subscription = await newSubscription(await newTopic())
        await refused(codes.invalid, subscriber.acknowledge({ subscription, ackIds: ['?'] }))
      })
      test('a message that is not acknowledged is dropped after the retention of its subscription', async () => {
        const topic = await newTopic()
        const subscription = await newSubscription(topic, {
          messageRetentionDuration: { seconds: 600 },
        })
        await publish(topic, ['old'])
        await target.pass(700_000)
        expect(await pull(subscription)).toEqual([])
      })
    })

    describe('ordering', () => {
      const ordered = { enableMessageOrdering: true }
      test('messages of a key come in order', async () => {
        const topic = await newTopic()
        const subscription = await newSubscription(topic, ordered)
        for (const text of ['1', '2', '3']) await publish(topic, [text], { orderingKey: 'k' })
        expect(await texts(subscription)).toEqual(['1', '2', '3'])
      })
      test('while one of a key is out, another pull gets nothing of the key', async () => {
        const topic = await newTopic()
        const subscription = await newSubscription(topic, ordered)
        await publish(topic, ['1', '2'], { orderingKey: 'k' })
        await publish(topic, ['other'], { orderingKey: 'l' })
        expect(await texts(subscription, 1)).toEqual(['1'])
        expect(await texts(subscription)).toEqual(['other'])
      })
      test('after an acknowledgement the key goes on', async () => {
        const topic = await newTopic()
        const subscription = await newSubscription(topic, ordered)
        await publish(topic, ['1', '2'], { orderingKey: 'k' })
        await ack(subscription, await pull(subscription, 1))
        expect(await texts(subscription)).toEqual(['2'])
      })
      test('when one fails, all behind it follow again, in order', async () => {
        const topic = await newTopic()
        const subscription = await newSubscription(topic, ordered)
        await publish(topic, ['1', '2', '3'], { orderingKey: 'k' })
        const received = await pull(subscription)
        await nack(subscription, received.slice(0, 1))
        expect(await texts(subscription)).toEqual(['1', '2', '3'])
      })
      test('when a deadline passes, all behind it follow again, in order', async () => {
        const topic = await newTopic()
        const subscription = await newSubscription(topic, ordered)
        await publish(topic, ['1', '2', '3'], { orderingKey: 'k' })
        await pull(subscription)
        await target.pass(11_000)
        expect(await texts(subscription)).toEqual(['1', '2', '3'])
      })
      test('one that was acknowledged before an earlier one failed comes again', async () => {
        const topic = await newTopic()
        const subscription = await newSubscription(topic, ordered)
        await publish(topic, ['1', '2'], { orderingKey: 'k' })
        const [first, second] = await pull(subscription)
        await ack(subscription, [second as Received])
        await nack(subscription, [first as Received])
        expect(await texts(subscription)).toEqual(['1', '2'])
      })
      test('messages without a key are not held by one that is out', async () => {
        const topic = await newTopic()
        const subscription = await newSubscription(topic, ordered)
        await publish(topic, ['1', '2'])
        expect(await texts(subscription, 1)).toHaveLength(1)
        expect(await texts(subscription, 1)).toHaveLength(1)
      })
    })

    describe('retries and dead letters', () => {
      test('a retry policy delays a nacked message, twice as long each time', async () => {
        const topic = await newTopic()
        const subscription = await newSubscription(topic, {
          retryPolicy: { minimumBackoff: { seconds: 10 }, maximumBackoff: { seconds: 600 } },
        })
        await publish(topic, ['x'])
        await nack(subscription, await pull(subscription))
        expect(await pull(subscription)).toEqual([])
        await target.pass(10_100)
        await nack(subscription, await pull(subscription))
        await target.pass(10_100)
        expect(await pull(subscription)).toEqual([])
        await target.pass(10_100)
        expect(await texts(subscription)).toEqual(['x'])
      })
      test('the delay of a message holds its key', async () => {
        const topic = await newTopic()
        const subscription = await newSubscription(topic, {
          enableMessageOrdering: true,
          retryPolicy: { minimumBackoff: { seconds: 10 } },
        })
        await publish(topic, ['1', '2'], { orderingKey: 'k' })
        await nack(subscription, await pull(subscription, 1))
        expect(await pull(subscription)).toEqual([])
        await target.pass(10_100)
        expect(await texts(subscription)).toEqual(['1', '2'])
      })
      test('without a dead-letter policy attempts are not told', async () => {
        const topic = await newTopic()
        const subscription = await newSubscription(topic)
        await publish(topic, ['x'])
        await nack(subscription, await pull(subscription))
        const [received] = await pull(subscription)
        expect(received?.attempt).toBe(0)
      })
      test('after its last attempt a message goes to the dead-letter topic, and says where it was', async () => {
        const topic = await newTopic()
        const deadLetterTopic = await newTopic()
        const graveyard = await newSubscription(deadLetterTopic)
        const subscription = await newSubscription(topic, {
          deadLetterPolicy: { deadLetterTopic, maxDeliveryAttempts: 5 },
        })
        await publish(topic, ['x'], { attributes: { own: 'kept' } })
        const attempts: number[] = []
        for (let i = 0; i < 5; i++) {
          const received = await pull(subscription)
          attempts.push(received[0]?.attempt ?? 0)
          await nack(subscription, received)
        }
        expect(attempts).toEqual([1, 2, 3, 4, 5])
        expect(await pull(subscription)).toEqual([])
        const [dead] = await pull(graveyard)
        expect(dead).toMatchObject({
          text: 'x',
          attributes: {
            own: 'kept',
            CloudPubSubDeadLetterSourceDeliveryCount: '5',
            CloudPubSubDeadLetterSourceSubscription: subscription.split('/')[3],
            CloudPubSubDeadLetterSourceSubscriptionProject: 'contract',
          },
        })
      })
      test('a dead letter lets its key go on', async () => {
        const topic = await newTopic()
        const deadLetterTopic = await newTopic()
        const subscription = await newSubscription(topic, {
          enableMessageOrdering: true,
          deadLetterPolicy: { deadLetterTopic, maxDeliveryAttempts: 5 },
        })
        await publish(topic, ['1', '2'], { orderingKey: 'k' })
        for (let i = 0; i < 5; i++) await nack(subscription, await pull(subscription, 1))
        expect(await texts(subscription)).toEqual(['2'])
      })
    })

    describe('filters', () => {
      const cases: readonly (readonly [filter: string, matching: string])[] = [
        ['attributes:red', 'abd'],
        ['NOT attributes:red', 'c'],
        ['-attributes:red', 'c'],
        ['attributes.red = "1"', 'a'],
        ['attributes.red != "1"', 'bcd'],
        ['hasPrefix(attributes.red, "2")', 'bd'],
        ['attributes."kafka.topic" = "orders"', 'd'],
        ['attributes:red AND attributes:blue', 'b'],
        ['attributes:blue OR attributes."kafka.topic" = "orders"', 'bcd'],
        ['attributes:red AND (attributes:blue OR attributes.red = "1")', 'ab'],
      ]
      const messages: Record<string, Record<string, string>> = {
        a: { red: '1' },
        b: { red: '2', blue: 'x' },
        c: { blue: 'y' },
        d: { red: '22', 'kafka.topic': 'orders' },
      }
      for (const [filter, matching] of cases) {
        test(`${filter} lets through ${matching.split('').join(', ')}`, async () => {
          const topic = await newTopic()
          const subscription = await newSubscription(topic, { filter })
          for (const [text, attributes] of Object.entries(messages)) {
            await publish(topic, [text], { attributes })
          }
          expect((await texts(subscription)).sort().join('')).toBe(matching)
        })
      }
      test('AND and OR need parentheses between them', async () => {
        const topic = await newTopic()
        const filter = 'attributes:a AND attributes:b OR attributes:c'
        await refused(codes.invalid, newSubscription(topic, { filter }))
      })
    })

    describe('seek and snapshots', () => {
      const timestamp = (ms: number) => ({
        seconds: Math.floor(ms / 1000),
        nanos: Math.round((ms % 1000) * 1e6),
      })
      test('a seek into the future drops the backlog', async () => {
        const topic = await newTopic()
        const subscription = await newSubscription(topic)
        await publish(topic, ['x'])
        await subscriber.seek({ subscription, time: timestamp(Date.now() + 3_600_000_000) })
        expect(await pull(subscription)).toEqual([])
        await publish(topic, ['new'])
        expect(await texts(subscription)).toEqual(['new'])
      })
      test('a seek back brings acknowledged messages again where they are retained', async () => {
        const topic = await newTopic()
        const subscription = await newSubscription(topic, { retainAckedMessages: true })
        await publish(topic, ['1', '2'])
        await ack(subscription, await pull(subscription))
        await subscriber.seek({ subscription, time: timestamp(Date.now() - 3_600_000) })
        expect((await texts(subscription)).sort()).toEqual(['1', '2'])
      })
      test('a seek back brings nothing again where nothing is retained', async () => {
        const topic = await newTopic()
        const subscription = await newSubscription(topic)
        await publish(topic, ['1'])
        await ack(subscription, await pull(subscription))
        await publish(topic, ['2'])
        await subscriber.seek({ subscription, time: timestamp(Date.now() - 3_600_000) })
        expect(await texts(subscription)).toEqual(['2'])
      })
      test('a new subscription on a topic that retains can seek to what was before it', async () => {
        const topic = await newTopic({ messageRetentionDuration: { seconds: 7200 } })
        await publish(topic, ['before'])
        const subscription = await newSubscription(topic)
        await subscriber.seek({ subscription, time: timestamp(Date.now() - 3_600_000) })
        expect(await texts(subscription)).toEqual(['before'])
      })
      test('a snapshot brings back what was not acknowledged when it was made, and what came after', async () => {
        const topic = await newTopic()
        const subscription = await newSubscription(topic)
        await publish(topic, ['1', '2'])
        const received = await pull(subscription)
        const one = received.filter(({ text }) => text === '1')
        await ack(subscription, one)
        const snapshot = newName('snapshots')
        const [made] = await subscriber.createSnapshot({ name: snapshot, subscription })
        expect(made).toMatchObject({ name: snapshot, topic })
        await ack(
          subscription,
          received.filter(({ text }) => text === '2'),
        )
        await publish(topic, ['3'])
        await ack(subscription, await pull(subscription))
        await subscriber.seek({ subscription, snapshot })
        expect((await texts(subscription)).sort()).toEqual(['2', '3'])
      })
      test('a snapshot serves another subscription of the topic', async () => {
        const topic = await newTopic()
        const [one, other] = [await newSubscription(topic), await newSubscription(topic)]
        await publish(topic, ['x'])
        const snapshot = newName('snapshots')
        await subscriber.createSnapshot({ name: snapshot, subscription: one })
        await ack(other, await pull(other))
        await subscriber.seek({ subscription: other, snapshot })
        expect(await texts(other)).toEqual(['x'])
      })
      test('a snapshot of another topic is refused', async () => {
        const subscription = await newSubscription(await newTopic())
        const stranger = await newSubscription(await newTopic())
        const snapshot = newName('snapshots')
        await subscriber.createSnapshot({ name: snapshot, subscription: stranger })
        await refused(codes.failedPrecondition, subscriber.seek({ subscription, snapshot }))
      })
      test('a seek to a snapshot that is not there is not found', async () => {
        const subscription = await newSubscription(await newTopic())
        await refused(
          codes.notFound,
          subscriber.seek({ subscription, snapshot: 'projects/contract/snapshots/nobody' }),
        )
      })
      test('snapshots are listed and deleted', async () => {
        const subscription = await newSubscription(await newTopic())
        const snapshot = newName('snapshots')
        await subscriber.createSnapshot({ name: snapshot, subscription })
        const names = async () => {
          const [listed] = await subscriber.listSnapshots({ project: 'projects/contract' })
          return listed.map(({ name }) => name)
        }
        expect(await names()).toContain(snapshot)
        await subscriber.deleteSnapshot({ snapshot })
        expect(await names()).not.toContain(snapshot)
      })
    })

    describe('exactly-once delivery', () => {
      const exactlyOnce = { enableExactlyOnceDelivery: true }
      const reasonsOf = async (call: Promise<unknown>): Promise<Record<string, string>> => {
        const error = await call.then(
          () => undefined,
          (thrown: { errorInfoMetadata?: Record<string, string>; statusDetails?: unknown }) =>
            thrown,
        )
        return error?.errorInfoMetadata ?? {}
      }
      test('an acknowledgement in time succeeds', async () => {
        const topic = await newTopic()
        const subscription = await newSubscription(topic, exactlyOnce)
        await publish(topic, ['x'])
        await ack(subscription, await pull(subscription))
        await target.pass(11_000)
        expect(await pull(subscription)).toEqual([])
      })
      test('one that comes too late fails for good, by name', async () => {
        const topic = await newTopic()
        const subscription = await newSubscription(topic, exactlyOnce)
        await publish(topic, ['x'])
        const late = await pull(subscription)
        await target.pass(11_000)
        const reasons = await reasonsOf(ack(subscription, late))
        expect(reasons).toEqual({
          [late[0]?.ackId as string]: 'PERMANENT_FAILURE_INVALID_ACK_ID',
        })
      })
      test('of several, those in time succeed although another fails', async () => {
        const topic = await newTopic()
        const subscription = await newSubscription(topic, exactlyOnce)
        await publish(topic, ['x'])
        const late = await pull(subscription)
        await target.pass(11_000)
        const current = await pull(subscription)
        const reasons = await reasonsOf(ack(subscription, [...late, ...current]))
        expect(Object.keys(reasons)).toEqual(ackIdsOf(late))
        await target.pass(11_000)
        expect(await pull(subscription)).toEqual([])
      })
    })

    describe('streams', () => {
      interface OpenStream {
        answers: { texts: string[]; ackIds: string[]; properties: Properties | null }[]
        ended: Promise<number>
        write(request: object): void
        end(): void
        cancel(): void
        texts(): string[]
      }
      interface Properties {
        exactlyOnceDeliveryEnabled: boolean
        messageOrderingEnabled: boolean
      }
      const open = (subscription: string, more: object = {}): OpenStream => {
        const stream = subscriber.streamingPull()
        const answers: OpenStream['answers'] = []
        stream.on('data', (answer) => {
          const messages = (answer.receivedMessages ?? []) as {
            ackId: string
            message: { data: Uint8Array }
          }[]
          answers.push({
            texts: messages.map(({ message }) => Buffer.from(message.data).toString()),
            ackIds: messages.map(({ ackId }) => ackId),
            properties: answer.subscriptionProperties,
          })
        })
        const ended = new Promise<number>((resolve) => {
          stream.on('error', (error: { code: number }) => resolve(error.code))
          stream.on('end', () => resolve(0))
        })
        stream.write({ subscription, streamAckDeadlineSeconds: 10, protocolVersion: 1, ...more })
        return {
          answers,
          ended,
          write: (request) => void stream.write(request),
          end: () => void stream.end(),
          cancel: () => stream.cancel(),
          texts: () => answers.flatMap((answer) => answer.texts),
        }
      }
      const until = (check: () => void) => vi.waitFor(check, 5000)

      test('the first answer tells of what kind the subscription is', async () => {
        const name = await newSubscription(await newTopic(), { enableMessageOrdering: true })
        const stream = open(name)
        await until(() =>
          expect(stream.answers[0]?.properties).toMatchObject({
            exactlyOnceDeliveryEnabled: false,
            messageOrderingEnabled: true,
          }),
        )
        stream.cancel()
      })
      test('an empty request is answered at once', async () => {
        const stream = open(await newSubscription(await newTopic()))
        await until(() => expect(stream.answers).toHaveLength(1))
        stream.write({})
        await until(() => expect(stream.answers).toHaveLength(2))
        stream.cancel()
      })
      test('acknowledgements on the stream count', async () => {
        const topic = await newTopic()
        const name = await newSubscription(topic)
        await publish(topic, ['x'])
        const stream = open(name)
        await until(() => expect(stream.texts()).toEqual(['x']))
        stream.write({ ackIds: stream.answers.flatMap(({ ackIds }) => ackIds) })
        stream.write({})
        await until(() => expect(stream.answers.length).toBeGreaterThan(2))
        stream.cancel()
        await target.pass(11_000)
        expect(await pull(name)).toEqual([])
      })
      test('a nack on the stream brings the message again', async () => {
        const topic = await newTopic()
        const name = await newSubscription(topic)
        await publish(topic, ['x'])
        const stream = open(name)
        await until(() => expect(stream.texts()).toEqual(['x']))
        const modifyDeadlineAckIds = stream.answers.flatMap(({ ackIds }) => ackIds)
        stream.write({ modifyDeadlineAckIds, modifyDeadlineSeconds: [0] })
        await until(() => expect(stream.texts()).toEqual(['x', 'x']))
        stream.cancel()
      })
      for (const [what, request] of [
        ['the subscription in a later request', { subscription: 'projects/contract/topics/x' }],
        ['flow control in a later request', { maxOutstandingMessages: 5 }],
        ['lists of deadlines that differ in length', { modifyDeadlineSeconds: [10] }],
        ['an ack deadline of 9 s', { streamAckDeadlineSeconds: 9 }],
        ['an ack id that is none', { ackIds: ['?'] }],
      ] as const) {
        test(`${what} ends the stream`, async () => {
          const stream = open(await newSubscription(await newTopic()))
          await until(() => expect(stream.answers).toHaveLength(1))
          stream.write(request)
          expect(await stream.ended).toBe(codes.invalid)
        })
      }
      test('a first deadline of 9 s ends the stream', async () => {
        const name = await newSubscription(await newTopic())
        expect(await open(name, { streamAckDeadlineSeconds: 9 }).ended).toBe(codes.invalid)
      })
      test('a stream of nobody is not found', async () => {
        expect(await open('projects/contract/subscriptions/nobody').ended).toBe(codes.notFound)
      })
      test('a half-closed stream ends well', async () => {
        const stream = open(await newSubscription(await newTopic()))
        await until(() => expect(stream.answers).toHaveLength(1))
        stream.end()
        expect(await stream.ended).toBe(0)
      })
      test('a detached subscription ends its streams', async () => {
        const subscription = await newSubscription(await newTopic())
        const stream = open(subscription)
        await until(() => expect(stream.answers).toHaveLength(1))
        await publisher.detachSubscription({ subscription })
        expect(await stream.ended).toBe(codes.failedPrecondition)
      })
      test('no more are out than it allows, and each acknowledgement lets one through', async () => {
        const topic = await newTopic()
        const name = await newSubscription(topic)
        await publish(topic, ['1', '2', '3', '4'])
        const stream = open(name, { maxOutstandingMessages: 2 })
        await until(() => expect(stream.texts()).toHaveLength(2))
        stream.write({})
        await until(() => expect(stream.answers.length).toBeGreaterThan(2))
        expect(stream.texts()).toHaveLength(2)
        stream.write({ ackIds: stream.answers.flatMap(({ ackIds }) => ackIds).slice(0, 1) })
        await until(() => expect(stream.texts()).toHaveLength(3))
        stream.cancel()
      })
      test('a key stays on the stream where messages of it are out', async () => {
        const topic = await newTopic()
        const name = await newSubscription(topic, { enableMessageOrdering: true })
        const streams = [open(name), open(name)]
        await until(() => expect(streams.map(({ answers }) => answers.length)).toEqual([1, 1]))
        for (let index = 0; index < 10; index++) {
          await publish(topic, [String(index)], { orderingKey: 'k' })
        }
        await until(() => expect(streams.flatMap((stream) => stream.texts())).toHaveLength(10))
        expect(
          streams.map((stream) => stream.texts().length).sort((one, other) => one - other),
        ).toEqual([0, 10])
        for (const stream of streams) stream.cancel()
      })
      test('messages without a key are spread over streams', async () => {
        const topic = await newTopic()
        const name = await newSubscription(topic)
        const streams = [open(name), open(name)]
        await until(() => expect(streams.map(({ answers }) => answers.length)).toEqual([1, 1]))
        for (let index = 0; index < 10; index++) await publish(topic, [String(index)])
        await until(() => expect(streams.flatMap((stream) => stream.texts())).toHaveLength(10))
        for (const stream of streams) {
          expect(stream.texts().length).toBeGreaterThan(0)
          stream.cancel()
        }
      })
      test('what a cancelled stream held comes again when its deadline has passed', async () => {
        const topic = await newTopic()
        const name = await newSubscription(topic)
        await publish(topic, ['x'])
        const stream = open(name)
        await until(() => expect(stream.texts()).toEqual(['x']))
        stream.cancel()
        expect(await pull(name)).toEqual([])
        await target.pass(11_000)
        expect(await texts(name)).toEqual(['x'])
      })
    })

    describe('streams of the client', () => {
      test('messages arrive, are acknowledged, and do not come again', async () => {
        const topic = await newTopic()
        const name = await newSubscription(topic)
        await publish(topic, ['a', 'b', 'c'])
        const subscription = client.subscription(name)
        const got: string[] = []
        subscription.on('message', (message) => {
          got.push(message.data.toString())
          message.ack()
        })
        await vi.waitFor(() => expect(got.toSorted()).toEqual(['a', 'b', 'c']), 5000)
        await subscription.close()
        await target.pass(60_000)
        expect(await pull(name)).toEqual([])
      })
      test('no more are out than flow control allows', async () => {
        const topic = await newTopic()
        const name = await newSubscription(topic)
        await publish(
          topic,
          Array.from({ length: 20 }, (_, index) => String(index)),
        )
        const subscription = client.subscription(name, {
          flowControl: { maxMessages: 5, allowExcessMessages: false },
          streamingOptions: { maxStreams: 1 },
        })
        const out = new Map<string, { ack(): void }>()
        let outMost = 0
        const seen = new Set<string>()
        subscription.on('message', (message) => {
          out.set(message.id, message)
          seen.add(message.id)
          outMost = Math.max(outMost, out.size)
          if (out.size === 5) {
            for (const each of out.values()) each.ack()
            out.clear()
          }
        })
        await vi.waitFor(() => expect(seen.size).toBe(20), 8000)
        expect(outMost).toBe(5)
        await subscription.close()
      })
      test('messages of a key come in order over streams', async () => {
        const topic = await newTopic()
        const name = await newSubscription(topic, { enableMessageOrdering: true })
        const keys = ['k', 'l', 'm']
        for (let index = 0; index < 10; index++) {
          for (const orderingKey of keys) await publish(topic, [String(index)], { orderingKey })
        }
        const subscription = client.subscription(name)
        const got = new Map<string, number[]>()
        subscription.on('message', (message) => {
          got.set(message.orderingKey as string, [
            ...(got.get(message.orderingKey as string) ?? []),
            Number(message.data.toString()),
          ])
          message.ack()
        })
        const all = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
        await vi.waitFor(
          () => expect(Object.fromEntries(got)).toEqual({ k: all, l: all, m: all }),
          8000,
        )
        await subscription.close()
      })
      test('a nacked message comes again on the stream', async () => {
        const topic = await newTopic()
        const name = await newSubscription(topic)
        await publish(topic, ['x'])
        const subscription = client.subscription(name)
        let times = 0
        subscription.on('message', (message) => (++times < 3 ? message.nack() : message.ack()))
        await vi.waitFor(() => expect(times).toBe(3), 5000)
        await subscription.close()
      })
      test('with exactly-once delivery the client learns that its acknowledgement holds', async () => {
        const topic = await newTopic()
        const name = await newSubscription(topic, { enableExactlyOnceDelivery: true })
        await publish(topic, ['x'])
        const subscription = client.subscription(name)
        const answers: string[] = []
        subscription.on('message', (message) => {
          void message.ackWithResponse().then((answer) => answers.push(answer))
        })
        await vi.waitFor(() => expect(answers).toEqual(['SUCCESS']), 8000)
        await subscription.close()
      })
      test('a stream of a subscription that is deleted ends with not found', async () => {
        const topic = await newTopic()
        const name = await newSubscription(topic)
        const subscription = client.subscription(name)
        const failed = new Promise<{ code: number }>((resolve) =>
          subscription.on('error', resolve as never),
        )
        let messages = 0
        subscription.on('message', () => messages++)
        await publish(topic, ['x'])
        await vi.waitFor(() => expect(messages).toBe(1), 5000)
        await subscriber.deleteSubscription({ subscription: name })
        expect((await failed).code).toBe(codes.notFound)
        await subscription.close()
      })
    })
  })
}
