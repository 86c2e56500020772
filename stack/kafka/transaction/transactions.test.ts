// Transactions on the wire: what Kafka answers, and what read_committed sees.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { MiB } from '../../base/units.ts'
import { errorName } from '../protocol/errors.ts'
import { fetch, initProducerId, listOffsets, produce } from '../protocol/messages/data.ts'
import { offsetCommit, offsetFetch } from '../protocol/messages/group.ts'
import { createTopics } from '../protocol/messages/topics.ts'
import {
  addOffsetsToTxn,
  addPartitionsToTxn,
  describeProducers,
  describeTransactions,
  endTxn,
  listTransactions,
  txnOffsetCommit,
  writeTxnMarkers,
} from '../protocol/messages/transactions.ts'
import {
  batchRecords,
  buildBatch,
  readBatchHeader,
  readMarker,
  transactionalBit,
} from '../protocol/record-batch.ts'
import type { RunningBroker } from '../start.ts'
import { startBroker } from '../start.ts'
import { WireClient } from '../wire-client.ts'
import { fetchedRecords, fetchOf, readCommitted } from '../wire-requests.ts'
import type { Producer } from './transaction.ts'

let dataDir = ''
let broker: RunningBroker
let client: WireClient
let count = 0

async function open(): Promise<void> {
  broker = await startBroker({ dataDir, durability: 'none' })
  client = await WireClient.connect(broker.port)
}

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'slipway-transactions-'))
  await open()
})

afterAll(async () => {
  client.close()
  await broker.close()
  await rm(dataDir, { recursive: true, force: true })
})

async function freshTopic(partitionCount = 1): Promise<string> {
  const name = `t${++count}`
  const topic = { name, partitionCount, replicationFactor: 1, assignments: [], configs: [] }
  await client.call(createTopics, 5, { topics: [topic], timeoutMs: 1000, validateOnly: false })
  return name
}

/** A transactional producer, one request at a time. */
class Tester implements Producer {
  readonly id: string
  producerId = -1
  producerEpoch = -1
  readonly #sequences = new Map<string, number>()

  constructor(id = `x${++count}`) {
    this.id = id
  }

  async init(timeoutMs = 60_000, version = 4): Promise<string> {
    const answer = await client.call(initProducerId, version, {
      transactionalId: this.id,
      transactionTimeoutMs: timeoutMs,
      producerId: -1,
      producerEpoch: -1,
    })
    this.producerId = answer.producerId
    this.producerEpoch = answer.producerEpoch
    this.#sequences.clear()
    return errorName(answer.errorCode)
  }

  async add(topic: string, partitions = [0], version = 3): Promise<string[]> {
    const answer = await client.call(addPartitionsToTxn, version, {
      ...this.#ref,
      topics: [{ name: topic, partitions }],
    })
    return answer.results.flatMap((each) =>
      each.partitions.map(({ errorCode }) => errorName(errorCode)),
    )
  }

  async send(topic: string, values: string[], { partition = 0, version = 11 } = {}) {
    const key = `${topic}-${partition}`
    const baseSequence = this.#sequences.get(key) ?? 0
    const records = buildBatch({
      records: values.map((value) => ({ key: null, value: Buffer.from(value), timestampMs: 1 })),
      producerId: this.producerId,
      producerEpoch: this.producerEpoch,
      baseSequence,
      attributes: transactionalBit,
    })
    const answer = await client.call(produce, version, {
      transactionalId: this.id,
      acks: -1,
      timeoutMs: 1000,
      topics: [{ name: topic, partitions: [{ index: partition, records }] }],
    })
    const code = answer.responses[0]?.partitions[0]?.errorCode ?? -1
    if (code === 0) this.#sequences.set(key, baseSequence + values.length)
    return errorName(code)
  }

  async end(commits: boolean, version = 4): Promise<string> {
    const answer = await client.call(endTxn, version, { ...this.#ref, commits })
    return errorName(answer.errorCode)
  }

  async addGroup(groupId: string): Promise<string> {
    const answer = await client.call(addOffsetsToTxn, 3, { ...this.#ref, groupId })
    return errorName(answer.errorCode)
  }

  async commitOffset(groupId: string, topic: string, offset: number, version = 3) {
    const answer = await client.call(txnOffsetCommit, version, {
      ...this.#ref,
      groupId,
      generationId: -1,
      memberId: '',
      groupInstanceId: null,
      topics: [
        { name: topic, partitions: [{ index: 0, offset, leaderEpoch: -1, metadata: 'note' }] },
      ],
    })
    return errorName(answer.topics[0]?.partitions[0]?.errorCode ?? -1)
  }

  get #ref() {
    const { id: transactionalId, producerId, producerEpoch } = this
    return { transactionalId, producerId, producerEpoch }
  }
}

async function get(name: string, { committed = true, from = 0, maxBytes = MiB } = {}) {
  const isolationLevel = committed ? readCommitted : 0
  const request = fetchOf(name, { offset: from, maxBytes, isolationLevel })
  const answer = await client.call(fetch, 11, { ...request, maxBytes: MiB })
  const found = answer.responses[0]?.partitions[0]
  if (!found) throw new Error('no answer')
  return { ...found, bytes: Buffer.concat(found.records) }
}

async function committedValues(name: string): Promise<string[]> {
  return fetchedRecords(await get(name)).records.map(({ value }) => value)
}

async function committedOffset(groupId: string, topic: string, requireStable = false) {
  const answer = await client.call(offsetFetch, 7, {
    groupId,
    topics: [{ name: topic, partitions: [0] }],
    groups: [],
    requireStable,
  })
  const found = answer.topics[0]?.partitions[0]
  return found?.errorCode === 0 ? found.offset : errorName(found?.errorCode ?? -1)
}

async function started(topic: string, values: string[] = ['a']): Promise<Tester> {
  const producer = new Tester()
  await producer.init()
  expect(await producer.add(topic)).toEqual(['NONE'])
  expect(await producer.send(topic, values)).toBe('NONE')
  return producer
}

describe('a reader of committed records', () => {
  test('sees nothing of a transaction before its end, all of it behind the commit', async () => {
    const topic = await freshTopic()
    const producer = await started(topic, ['a', 'b'])
    expect(await get(topic)).toMatchObject({
      highWatermark: 2,
      lastStableOffset: 0,
      abortedTransactions: [],
      records: [],
    })
    expect((await get(topic, { committed: false })).bytes.length).toBeGreaterThan(0)
    expect(await producer.end(true)).toBe('NONE')
    expect(await committedValues(topic)).toEqual(['a', 'b'])
    expect(await get(topic)).toMatchObject({ highWatermark: 3, lastStableOffset: 3 })
  })

  test('is told of aborted transactions in the order of their first offsets', async () => {
    const topic = await freshTopic()
    const first = await started(topic, ['first'])
    const second = await started(topic, ['second'])
    const third = await started(topic, ['third'])
    await second.end(false)
    await third.end(true)
    await first.end(false)
    const { abortedTransactions } = await get(topic)
    expect(abortedTransactions).toEqual([
      { producerId: first.producerId, firstOffset: 0 },
      { producerId: second.producerId, firstOffset: 1 },
    ])
    expect(await committedValues(topic)).toEqual(['third'])
  })

  test('is told only of those that overlap what it is given', async () => {
    const topic = await freshTopic()
    const producer = new Tester()
    await producer.init()
    for (let i = 0; i < 3; i++) {
      await producer.add(topic)
      await producer.send(topic, [`aborted ${i}`])
      await producer.end(false)
    }
    const { abortedTransactions } = await get(topic, { from: 2, maxBytes: 1 })
    expect(abortedTransactions?.map((each) => each.firstOffset)).toEqual([2])
  })

  test('waits behind the first open transaction, whatever ends after it', async () => {
    const topic = await freshTopic()
    const slow = await started(topic, ['slow'])
    const quick = await started(topic, ['quick'])
    await quick.end(true)
    expect(await get(topic)).toMatchObject({ highWatermark: 3, lastStableOffset: 0 })
    const [latest] = await Promise.all(
      [1].map((isolationLevel) =>
        client.call(listOffsets, 4, {
          replicaId: -1,
          isolationLevel,
          topics: [
            { name: topic, partitions: [{ index: 0, currentLeaderEpoch: -1, timestampMs: -1 }] },
          ],
          timeoutMs: 0,
        }),
      ),
    )
    expect(latest?.topics[0]?.partitions[0]?.offset).toBe(0)
    await slow.end(true)
    expect(await committedValues(topic)).toEqual(['slow', 'quick'])
  })

  test('finds a control batch as Kafka writes it', async () => {
    const topic = await freshTopic()
    const producer = await started(topic)
    await producer.end(false)
    const { bytes } = await get(topic, { from: 1 })
    const header = readBatchHeader(bytes)
    expect(header).toMatchObject({ baseOffset: 1, attributes: 0x30, baseSequence: -1, count: 1 })
    expect(header).toMatchObject({ producerId: producer.producerId, producerEpoch: 0 })
    expect(readMarker(bytes)).toEqual({ commits: false, coordinatorEpoch: 1 })
    const [record] = batchRecords(bytes)
    expect(record?.key?.toString('hex')).toBe('00000000')
    expect(record?.value?.toString('hex')).toBe('000000000001')
  })
})

describe('a producer', () => {
  test('is fenced by the next one of its id, and its transaction is aborted', async () => {
    const topic = await freshTopic()
    const zombie = await started(topic, ['zombie'])
    const next = new Tester(zombie.id)
    expect(await next.init()).toBe('NONE')
    // One epoch for the abort, one for the newcomer.
    expect([next.producerId, next.producerEpoch]).toEqual([zombie.producerId, 2])
    expect(await zombie.send(topic, ['late'])).toBe('INVALID_PRODUCER_EPOCH')
    expect(await zombie.end(true)).toBe('PRODUCER_FENCED')
    expect(await zombie.end(true, 1)).toBe('INVALID_PRODUCER_EPOCH')
    expect(await zombie.add(topic)).toEqual(['PRODUCER_FENCED'])
    expect(await zombie.add(topic, [0], 1)).toEqual(['INVALID_PRODUCER_EPOCH'])
    await next.add(topic)
    await next.send(topic, ['next'])
    await next.end(true)
    expect(await committedValues(topic)).toEqual(['next'])
  })

  test('that stays silent for its timeout is aborted and fenced', async () => {
    const topic = await freshTopic()
    const producer = new Tester()
    await producer.init(50)
    await producer.add(topic)
    await producer.send(topic, ['late'])
    await expect.poll(async () => (await get(topic)).lastStableOffset).toBe(2)
    expect(await committedValues(topic)).toEqual([])
    expect(await producer.end(true)).toBe('PRODUCER_FENCED')
  })

  test('that goes on after an error raises its own epoch, and may repeat that', async () => {
    const producer = new Tester()
    await producer.init()
    const raise = (producerEpoch: number) =>
      client.call(initProducerId, 4, {
        transactionalId: producer.id,
        transactionTimeoutMs: 1000,
        producerId: producer.producerId,
        producerEpoch,
      })
    expect(await raise(0)).toMatchObject({ errorCode: 0, producerEpoch: 1 })
    expect(await raise(0)).toMatchObject({ errorCode: 0, producerEpoch: 1 })
    expect(await raise(1)).toMatchObject({ errorCode: 0, producerEpoch: 2 })
    expect(errorName((await raise(0)).errorCode)).toBe('PRODUCER_FENCED')
  })

  test('may not write to a partition that it did not add', async () => {
    const topic = await freshTopic(2)
    const producer = new Tester()
    await producer.init()
    await producer.add(topic, [0])
    const partition = 1
    expect(await producer.send(topic, ['a'], { partition })).toBe('TRANSACTION_ABORTABLE')
    expect(await producer.send(topic, ['a'], { partition, version: 7 })).toBe('INVALID_TXN_STATE')
    expect(await producer.send(topic, ['a'])).toBe('NONE')
  })

  test.each([
    ['an unknown id', () => new Tester('nobody').add('x'), ['UNKNOWN_TOPIC_OR_PARTITION']],
    ['no time at all', () => new Tester().init(0), 'INVALID_TRANSACTION_TIMEOUT'],
    ['too much time', () => new Tester().init(900_001), 'INVALID_TRANSACTION_TIMEOUT'],
    ['an empty id', () => new Tester('').init(), 'INVALID_REQUEST'],
    ['an end for nobody', () => new Tester('nobody').end(true), 'INVALID_PRODUCER_ID_MAPPING'],
  ])('with %s is refused as Kafka refuses it', async (_name, ask, expected) => {
    expect(await ask()).toEqual(expected)
  })

  test('adds all partitions or none', async () => {
    const topic = await freshTopic()
    const producer = new Tester()
    await producer.init()
    expect(await producer.add(topic, [0, 5])).toEqual([
      'OPERATION_NOT_ATTEMPTED',
      'UNKNOWN_TOPIC_OR_PARTITION',
    ])
    expect(await producer.send(topic, ['a'])).toBe('TRANSACTION_ABORTABLE')
  })

  test('may repeat the end of a transaction, but not turn it', async () => {
    const topic = await freshTopic()
    const producer = await started(topic)
    expect(await producer.end(true)).toBe('NONE')
    expect(await producer.end(true)).toBe('NONE')
    expect(await producer.end(false)).toBe('INVALID_TXN_STATE')
    expect((await get(topic)).highWatermark).toBe(2)
    const idle = new Tester()
    await idle.init()
    expect(await idle.end(true)).toBe('INVALID_TXN_STATE')
  })
})

describe('offsets of a transaction', () => {
  test('hold with the commit; until then they are unstable to those who ask', async () => {
    const topic = await freshTopic()
    const group = `g${++count}`
    const producer = await started(topic)
    expect(await producer.commitOffset(group, topic, 5)).toBe('INVALID_TXN_STATE')
    expect(await producer.commitOffset(group, topic, 5, 4)).toBe('TRANSACTION_ABORTABLE')
    expect(await producer.addGroup(group)).toBe('NONE')
    expect(await producer.commitOffset(group, topic, 5)).toBe('NONE')
    expect(await committedOffset(group, topic)).toBe(-1)
    expect(await committedOffset(group, topic, true)).toBe('UNSTABLE_OFFSET_COMMIT')
    await producer.end(true)
    expect(await committedOffset(group, topic, true)).toBe(5)
  })

  test('are forgotten with the abort', async () => {
    const topic = await freshTopic()
    const group = `g${++count}`
    const commit = {
      groupId: group,
      generationId: -1,
      memberId: '',
      groupInstanceId: null,
      retentionTimeMs: -1,
    }
    await client.call(offsetCommit, 5, {
      ...commit,
      topics: [
        { name: topic, partitions: [{ index: 0, offset: 1, leaderEpoch: -1, metadata: null }] },
      ],
    })
    const producer = await started(topic)
    await producer.addGroup(group)
    await producer.commitOffset(group, topic, 5)
    await producer.end(false)
    expect(await committedOffset(group, topic, true)).toBe(1)
  })
})

describe('those who look', () => {
  const describeOne = async (id: string) => {
    const answer = await client.call(describeTransactions, 0, { transactionalIds: [id] })
    return answer.transactions[0]
  }
  const list = (more: { states?: string[]; pattern?: string }) =>
    client.call(listTransactions, 2, {
      states: more.states ?? [],
      producerIds: [],
      durationMs: -1,
      transactionalIdPattern: more.pattern ?? null,
    })

  test('see the state of an id and what its transaction holds', async () => {
    const topic = await freshTopic()
    const producer = await started(topic)
    expect(await describeOne(producer.id)).toMatchObject({
      errorCode: 0,
      state: 'Ongoing',
      timeoutMs: 60_000,
      producerId: producer.producerId,
      topics: [{ name: topic, partitions: [0] }],
    })
    const { transactions } = await list({ states: ['Ongoing'], pattern: `${producer.id}.?` })
    expect(transactions.map((each) => each.transactionalId)).toEqual([producer.id])
    await producer.end(true)
    expect(await describeOne(producer.id)).toMatchObject({ state: 'CompleteCommit', topics: [] })
    expect(errorName((await describeOne('nobody'))?.errorCode ?? 0)).toBe(
      'TRANSACTIONAL_ID_NOT_FOUND',
    )
    expect((await list({ states: ['Sleeping'] })).unknownStates).toEqual(['Sleeping'])
    expect(errorName((await list({ pattern: '(' })).errorCode)).toBe('INVALID_REGULAR_EXPRESSION')
  })

  test('find a transaction that hangs and can end it', async () => {
    const topic = await freshTopic()
    const producer = await started(topic, ['a', 'b'])
    const topics = [{ name: topic, partitions: [0] }]
    const active = async () => {
      const answer = await client.call(describeProducers, 0, { topics })
      return answer.topics[0]?.partitions[0]?.activeProducers
    }
    const { producerId, producerEpoch } = producer
    expect(await active()).toEqual([
      expect.objectContaining({
        producerId,
        producerEpoch,
        lastSequence: 1,
        currentTxnStartOffset: 0,
      }),
    ])
    const marker = { producerId, producerEpoch, commits: false, topics, coordinatorEpoch: 1 }
    const { markers } = await client.call(writeTxnMarkers, 1, { markers: [marker] })
    expect(markers[0]?.topics[0]?.partitions).toEqual([{ index: 0, errorCode: 0 }])
    expect(await active()).toMatchObject([{ currentTxnStartOffset: -1, coordinatorEpoch: 1 }])
    expect((await get(topic)).lastStableOffset).toBe(3)
  })
})

test('an open transaction outlives a restart of the broker', async () => {
  const topic = await freshTopic()
  const group = `g${++count}`
  const producer = await started(topic, ['before'])
  await producer.addGroup(group)
  await producer.commitOffset(group, topic, 7)
  const aborted = await started(topic, ['aborted'])
  await aborted.end(false)
  client.close()
  await broker.close()
  await open()
  expect((await get(topic)).lastStableOffset).toBe(0)
  expect(await producer.send(topic, ['behind'])).toBe('NONE')
  expect(await producer.end(true)).toBe('NONE')
  expect(await committedValues(topic)).toEqual(['before', 'behind'])
  expect(await committedOffset(group, topic)).toBe(7)
})
