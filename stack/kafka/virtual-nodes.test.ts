// Three nodes in one process: what each tells and refuses, and that clients find their way.

import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  Consumer as PlatformaticConsumer,
  Producer as PlatformaticProducer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka'
import type { Consumer } from 'kafkajs'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { errorName } from './protocol/errors.ts'
import { describeCluster, describeLogDirs, metadata } from './protocol/messages/cluster.ts'
import {
  deleteRecords,
  fetch,
  listOffsets,
  offsetForLeaderEpoch,
  produce,
} from './protocol/messages/data.ts'
import { findCoordinator, listGroups, offsetCommit } from './protocol/messages/group.ts'
import { apiTable } from './protocol/messages/index.ts'
import { createPartitions, createTopics } from './protocol/messages/topics.ts'
import { describeProducers } from './protocol/messages/transactions.ts'
import { buildBatch } from './protocol/record-batch.ts'
import { sampleValue } from './protocol/sample-message.ts'
import { zeroUuid } from './protocol/types.ts'
import type { RunningBroker } from './start.ts'
import { startBroker } from './start.ts'
import { WireClient } from './wire-client.ts'
import { fetchOf, newTopicOf, offsetOf, produceOf, readCommitted } from './wire-requests.ts'

const nodeIds = [1, 2, 3]
let dataDir = ''
let broker: RunningBroker
/** One connection to each node, by its id. */
let clients: Map<number, WireClient>

async function open(): Promise<void> {
  broker = await startBroker({ dataDir, durability: 'none', virtualNodes: nodeIds.length })
  const ports = broker.address.split(',').map((address) => Number(address.split(':')[1]))
  const connected = await Promise.all(ports.map((port) => WireClient.connect(port)))
  clients = new Map(connected.map((client, i) => [i + 1, client]))
}

async function close(): Promise<void> {
  for (const client of clients.values()) client.close()
  await broker.close()
}

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'slipway-nodes-'))
  await open()
})

afterAll(async () => {
  await close()
  await rm(dataDir, { recursive: true, force: true })
})

const node = (id: number) => clients.get(id) as WireClient
const others = (id: number) => nodeIds.filter((each) => each !== id)

async function freshTopic(partitions = 1): Promise<string> {
  const name = `topic-${randomUUID()}`
  const { topics } = await node(2).call(createTopics, 5, newTopicOf(name, partitions))
  expect(topics[0]?.errorCode).toBe(0)
  return name
}

async function describeFrom(id: number, names: string[]) {
  const topics = names.map((name) => ({ name, topicId: zeroUuid }))
  const asked = { allowAutoTopicCreation: false, includeClusterAuthorizedOperations: false }
  const request = { topics, ...asked, includeTopicAuthorizedOperations: false }
  return await node(id).call(metadata, 9, request)
}

async function leadersOf(name: string, askedNode = 1): Promise<number[]> {
  const { topics } = await describeFrom(askedNode, [name])
  return (topics[0]?.partitions ?? []).map(({ leaderId }) => leaderId)
}

async function coordinatorOf(key: string, keyType: number, askedNode = 1): Promise<number> {
  const request = { key: '', keyType, coordinatorKeys: [key] }
  const { coordinators } = await node(askedNode).call(findCoordinator, 4, request)
  return coordinators[0]?.nodeId ?? -1
}

/** Every error in an answer, wherever it stands, once each. */
function errorsIn(answer: unknown): string[] {
  const found = new Set<string>()
  JSON.stringify(answer, (key, value: unknown) => {
    if (key === 'errorCode') found.add(errorName(value as number))
    return value
  })
  return [...found]
}

describe('each node', () => {
  test('tells of all of them, of one controller and of the same leaders', async () => {
    const name = await freshTopic(4)
    const told = await Promise.all(nodeIds.map((id) => describeFrom(id, [name])))
    const addresses = told[0]?.brokers.map(({ host, port }) => `${host}:${port}`)
    expect(addresses?.join(',')).toBe(broker.address)
    expect(told[0]).toMatchObject({
      controllerId: 1,
      brokers: nodeIds.map((nodeId) => ({ nodeId })),
    })
    expect(told[1]).toEqual(told[0])
    expect(told[2]).toEqual(told[0])
    const request = {
      includeAuthorizedOperations: false,
      endpointType: 1,
      includeFencedBrokers: false,
    }
    const cluster = await node(3).call(describeCluster, 1, request)
    expect(cluster).toMatchObject({
      controllerId: 1,
      brokers: nodeIds.map((nodeId) => ({ nodeId })),
    })
  })

  test('leads its part of a topic, and topics begin with different ones', async () => {
    const leaders = await leadersOf(await freshTopic(6))
    expect(nodeIds.map((id) => leaders.filter((leader) => leader === id).length)).toEqual([2, 2, 2])
    const names = await Promise.all(Array.from({ length: 20 }, () => freshTopic()))
    const firsts = await Promise.all(names.map((name) => leadersOf(name)))
    expect(new Set(firsts.flat())).toEqual(new Set(nodeIds))
  })

  test('leads the same after a restart', async () => {
    const names = await Promise.all([freshTopic(5), freshTopic(), freshTopic(2)])
    const before = await Promise.all(names.map((name) => leadersOf(name)))
    await close()
    await open()
    expect(await Promise.all(names.map((name) => leadersOf(name)))).toEqual(before)
  })

  test('refuses what it does not lead, and keeps nothing of it', async () => {
    const name = await freshTopic()
    const [leader = 0] = await leadersOf(name)
    const batch = buildBatch({
      records: [{ key: null, value: Buffer.from('v'), timestampMs: Date.now() }],
    })
    const onPartition = (more: object) => ({
      topics: [{ name, partitions: [{ index: 0, currentLeaderEpoch: -1, ...more }] }],
    })
    const answersOf = async (id: number) => {
      const client = node(id)
      return {
        produce: await client.call(produce, 9, produceOf(name, batch)),
        fetch: await client.call(fetch, 12, fetchOf(name, { maxWaitMs: 5000 })),
        list: await client.call(listOffsets, 4, {
          replicaId: -1,
          isolationLevel: 0,
          timeoutMs: 0,
          ...(onPartition({ timestampMs: -1 }) as { topics: [] }),
        }),
        epoch: await client.call(offsetForLeaderEpoch, 4, {
          replicaId: -2,
          ...(onPartition({ leaderEpoch: 1 }) as { topics: [] }),
        }),
        producers: await client.call(describeProducers, 0, {
          topics: [{ name, partitions: [0] }],
        }),
        delete: await client.call(deleteRecords, 2, {
          timeoutMs: 0,
          ...(onPartition({ offset: 0 }) as { topics: [] }),
        }),
      }
    }
    for (const id of others(leader)) {
      const found = Object.entries(await answersOf(id)).map(([api, each]) => [api, errorsIn(each)])
      // Fetch has an error of the whole answer, too.
      expect(Object.fromEntries(found)).toEqual({
        produce: ['NOT_LEADER_OR_FOLLOWER'],
        fetch: ['NONE', 'NOT_LEADER_OR_FOLLOWER'],
        list: ['NOT_LEADER_OR_FOLLOWER'],
        epoch: ['NOT_LEADER_OR_FOLLOWER'],
        producers: ['NOT_LEADER_OR_FOLLOWER'],
        delete: ['NOT_LEADER_OR_FOLLOWER'],
      })
    }
    const answers = await answersOf(leader)
    expect(errorsIn(answers)).toEqual(['NONE'])
    expect(answers.produce.responses[0]?.partitions[0]?.baseOffset).toBe(0)
  })

  test('lists the folders of what it leads', async () => {
    const name = await freshTopic(3)
    const listed = await Promise.all(
      nodeIds.map(async (id) => {
        const { results } = await node(id).call(describeLogDirs, 2, { topics: null })
        const topic = results[0]?.topics.find((each) => each.name === name)
        return topic?.partitions.map(({ index }) => index)
      }),
    )
    expect(listed.map((each) => each?.length)).toEqual([1, 1, 1])
    expect(new Set(listed.flat())).toEqual(new Set([0, 1, 2]))
  })

  test('takes new partitions where they are going to be led, and no other placement', async () => {
    const name = await freshTopic(3)
    const [leader = 0] = await leadersOf(name)
    const grow = (brokerId: number) =>
      node(3).call(createPartitions, 0, {
        topics: [{ name, count: 4, assignments: [{ brokerIds: [brokerId] }] }],
        timeoutMs: 0,
        validateOnly: false,
      })
    expect(errorsIn(await grow(others(leader)[0] ?? 0))).toEqual(['INVALID_REPLICA_ASSIGNMENT'])
    expect(errorsIn(await grow(leader))).toEqual(['NONE'])
    const placed = newTopicOf('placed')
    const [topic] = placed.topics
    const assignments = [{ index: 0, brokerIds: [1] }]
    const wanted = {
      ...topic,
      name: 'placed',
      partitionCount: -1,
      replicationFactor: -1,
      assignments,
    }
    const answer = await node(1).call(createTopics, 5, {
      ...placed,
      topics: [{ ...wanted, configs: [] }],
    })
    expect(errorsIn(answer)).toEqual(['INVALID_REPLICA_ASSIGNMENT'])
  })
})

describe('a coordinator', () => {
  test('is told alike by every node, and they share the work', async () => {
    const ids = Array.from({ length: 20 }, (_, i) => `id-${i}`)
    const from = (asked: number, type: number) =>
      Promise.all(ids.map((id) => coordinatorOf(id, type, asked)))
    for (const type of [0, 1]) {
      const told = await from(1, type)
      expect(new Set(told)).toEqual(new Set(nodeIds))
      expect(await from(2, type)).toEqual(told)
    }
  })

  const versionsOf = (keys: number[]) =>
    apiTable
      .filter(({ key }) => keys.includes(key))
      .flatMap((api) => [api.from, api.to].map((version) => ({ name: api.name, version, api })))

  test.each(versionsOf([8, 9, 11, 12, 13, 14, 15, 28, 42, 47]))(
    'of a group is the only one that answers $name $version',
    async ({ api, version }) => {
      const groupId = 'some-group'
      const coordinator = await coordinatorOf(groupId, 0)
      const sample = sampleValue(api.request.shape, version) as Record<string, unknown>
      const groups = Array.isArray(sample['groups'])
        ? sample['groups'].map((each: unknown) =>
            typeof each === 'string' ? groupId : { ...(each as object), groupId },
          )
        : []
      for (const id of others(coordinator)) {
        const answer = await node(id).call(api, version, { ...sample, groupId, groups })
        expect(errorsIn(answer)).toContain('NOT_COORDINATOR')
      }
      const answer = await node(coordinator).call(api, version, { ...sample, groupId, groups })
      expect(errorsIn(answer)).not.toContain('NOT_COORDINATOR')
    },
  )

  test.each(versionsOf([22, 24, 25, 26, 65]))(
    'of a transactional id is the only one that answers $name $version',
    async ({ api, version }) => {
      const transactionalId = 'some-transaction'
      const coordinator = await coordinatorOf(transactionalId, 1)
      const sample = sampleValue(api.request.shape, version) as Record<string, unknown>
      const request = { ...sample, transactionalId, transactionalIds: [transactionalId] }
      for (const id of others(coordinator)) {
        const answer = await node(id).call(api, version, request)
        expect(errorsIn(answer)).toContain('NOT_COORDINATOR')
      }
      const answer = await node(coordinator).call(api, version, request)
      expect(errorsIn(answer)).not.toContain('NOT_COORDINATOR')
    },
  )

  test('lists its groups, and no other node does', async () => {
    const topic = await freshTopic()
    const groupId = `listed-${randomUUID()}`
    const coordinator = await coordinatorOf(groupId, 0)
    await node(coordinator).call(offsetCommit, 2, offsetOf(groupId, topic, 0, 1))
    const listing = await Promise.all(
      nodeIds.map(async (id) => {
        const { groups } = await node(id).call(listGroups, 5, { states: [], types: [] })
        return groups.some((group) => group.groupId === groupId)
      }),
    )
    expect(listing).toEqual(nodeIds.map((id) => id === coordinator))
  })
})

const values = (count: number, from = 0) => Array.from({ length: count }, (_, i) => `v${from + i}`)
const sorted = (texts: Iterable<string>) => [...texts].toSorted()

describe('kafkajs on three nodes', () => {
  const kafkaOf = () =>
    new Kafka({ brokers: broker.address.split(','), logLevel: logLevel.NOTHING })

  test('produces everywhere, and a group shares and rebalances', async () => {
    const topic = await freshTopic(6)
    const kafka = kafkaOf()
    const producer = kafka.producer()
    await producer.connect()
    const seen: string[] = []
    const shares = new Map<string, number>()
    const groupId = `group-${randomUUID()}`
    const join = async (name: string): Promise<Consumer> => {
      const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100, heartbeatInterval: 100 })
      consumer.on(consumer.events.GROUP_JOIN, ({ payload }) =>
        shares.set(name, payload.memberAssignment[topic]?.length ?? 0),
      )
      await consumer.connect()
      await consumer.subscribe({ topic, fromBeginning: true })
      await consumer.run({
        eachMessage: async ({ message }) => void seen.push(String(message.value)),
      })
      return consumer
    }
    const send = (texts: string[]) =>
      producer.send({
        topic,
        messages: texts.map((value, i) => ({ value, partition: i % 6 })),
      })
    await send(values(30))
    const first = await join('first')
    await expect.poll(() => sorted(seen), { timeout: 20_000 }).toEqual(sorted(values(30)))
    const second = await join('second')
    await expect
      .poll(() => [shares.get('first'), shares.get('second')], { timeout: 20_000 })
      .toEqual([3, 3])
    await send(values(30, 30))
    await expect.poll(() => sorted(new Set(seen)), { timeout: 20_000 }).toEqual(sorted(values(60)))
    await Promise.all([first.disconnect(), second.disconnect(), producer.disconnect()])
  })

  test('transacts over partitions and a group of different nodes', async () => {
    const topic = await freshTopic(3)
    const kafka = kafkaOf()
    const [groupId, transactionalId] = [`group-${randomUUID()}`, `id-${randomUUID()}`]
    const producer = kafka.producer({ transactionalId, idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    for (const commits of [false, true]) {
      const transaction = await producer.transaction()
      const messages = [0, 1, 2].map((partition) => ({
        value: `${commits}-${partition}`,
        partition,
      }))
      await transaction.send({ topic, messages })
      const partitions = [{ partition: 1, offset: commits ? '7' : '3' }]
      await transaction.sendOffsets({ consumerGroupId: groupId, topics: [{ topic, partitions }] })
      await (commits ? transaction.commit() : transaction.abort())
    }
    const admin = kafka.admin()
    await admin.connect()
    const [offsets] = await admin.fetchOffsets({ groupId, topics: [topic] })
    expect(offsets?.partitions.find(({ partition }) => partition === 1)?.offset).toBe('7')
    const seen: string[] = []
    const consumer = kafka.consumer({ groupId: `group-${randomUUID()}`, maxWaitTimeInMs: 100 })
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      eachMessage: async ({ message }) => void seen.push(String(message.value)),
    })
    await expect
      .poll(() => sorted(seen), { timeout: 20_000 })
      .toEqual(['true-0', 'true-1', 'true-2'])
    await Promise.all([consumer.disconnect(), producer.disconnect(), admin.disconnect()])
  })
})

describe('@platformatic/kafka on three nodes', () => {
  const optionsOf = () => ({ clientId: 'other', bootstrapBrokers: broker.address.split(',') })

  test('produces everywhere, and a group shares and rebalances', async () => {
    const topic = await freshTopic(6)
    const producer = new PlatformaticProducer({ ...optionsOf(), serializers: stringSerializers })
    const send = (texts: string[]) =>
      producer.send({
        messages: texts.map((value, i) => ({ topic, value, partition: i % 6 })),
      })
    const seen: string[] = []
    const groupId = `group-${randomUUID()}`
    const join = async () => {
      const consumer = new PlatformaticConsumer({
        ...optionsOf(),
        groupId,
        deserializers: stringDeserializers,
        heartbeatInterval: 200,
      })
      const stream = await consumer.consume({
        topics: [topic],
        mode: 'committed',
        fallbackMode: 'earliest',
        maxWaitTime: 100,
      })
      stream.on('data', ({ value }) => seen.push(value))
      return consumer
    }
    await send(values(30))
    const first = await join()
    await expect.poll(() => sorted(new Set(seen)), { timeout: 20_000 }).toEqual(sorted(values(30)))
    const second = await join()
    const shareOf = (consumer: PlatformaticConsumer<string, string, string, string>) =>
      consumer.assignments?.find((each) => each.topic === topic)?.partitions.length
    await expect.poll(() => [shareOf(first), shareOf(second)], { timeout: 20_000 }).toEqual([3, 3])
    await send(values(30, 30))
    await expect.poll(() => sorted(new Set(seen)), { timeout: 20_000 }).toEqual(sorted(values(60)))
    await Promise.all([first.close(true), second.close(true), producer.close()])
  })

  test('transacts over partitions of different nodes', async () => {
    const topic = await freshTopic(3)
    const producer = new PlatformaticProducer({
      ...optionsOf(),
      serializers: stringSerializers,
      transactionalId: `id-${randomUUID()}`,
      idempotent: true,
    })
    for (const commits of [false, true]) {
      const transaction = await producer.beginTransaction()
      await transaction.send({
        messages: [0, 1, 2].map((partition) => ({
          topic,
          value: `${commits}-${partition}`,
          partition,
        })),
      })
      await (commits ? transaction.commit() : transaction.abort())
    }
    const consumer = new PlatformaticConsumer({
      ...optionsOf(),
      groupId: `group-${randomUUID()}`,
      deserializers: stringDeserializers,
    })
    const stream = await consumer.consume({
      topics: [topic],
      mode: 'earliest',
      isolationLevel: readCommitted,
      maxWaitTime: 100,
    })
    const seen: string[] = []
    stream.on('data', ({ value }) => seen.push(value))
    await expect
      .poll(() => sorted(seen), { timeout: 20_000 })
      .toEqual(['true-0', 'true-1', 'true-2'])
    await Promise.all([consumer.close(true), producer.close()])
  })
})
