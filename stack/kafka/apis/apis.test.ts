// The rules of broker.md 3.2 to 3.9 on the wire, where clients' own libraries would hide them.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { KiB, MiB } from '../../base/units.ts'
import type { Api } from '../protocol/api.ts'
import { crc32c } from '../protocol/crc32c.ts'
import { errorCodes } from '../protocol/errors.ts'
import {
  alterPartitionReassignments,
  apiVersions,
  describeCluster,
  describeLogDirs,
  describeTopicPartitions,
  electLeaders,
  metadata,
} from '../protocol/messages/cluster.ts'
import {
  deleteRecords,
  fetch,
  initProducerId,
  listOffsets,
  offsetForLeaderEpoch,
  produce,
} from '../protocol/messages/data.ts'
import {
  describeGroups,
  findCoordinator,
  listGroups,
  offsetCommit,
  offsetDelete,
  offsetFetch,
} from '../protocol/messages/group.ts'
import { apiTable } from '../protocol/messages/index.ts'
import {
  alterConfigs,
  createPartitions,
  createTopics,
  deleteTopics,
  describeConfigs,
  incrementalAlterConfigs,
} from '../protocol/messages/topics.ts'
import type { NewBatch } from '../protocol/record-batch.ts'
import { batchHeaderBytes, batchRecords, buildBatch } from '../protocol/record-batch.ts'
import { sampleValue } from '../protocol/sample-message.ts'
import type { Infer } from '../protocol/types.ts'
import { zeroUuid } from '../protocol/types.ts'
import type { RunningBroker } from '../start.ts'
import { startBroker } from '../start.ts'
import { WireClient } from '../wire-client.ts'

let dataDir = ''
let broker: RunningBroker
let client: WireClient
let topicCount = 0

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'slipway-apis-'))
  broker = await startBroker({ dataDir, durability: 'none', defaultPartitions: 2 })
  client = await WireClient.connect(broker.port)
})

afterAll(async () => {
  client.close()
  await broker.close()
  await rm(dataDir, { recursive: true, force: true })
})

async function freshTopic(partitionCount = 1, configs: Record<string, string> = {}) {
  const name = `t${++topicCount}`
  const topic = {
    name,
    partitionCount,
    replicationFactor: 1,
    assignments: [],
    configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
  }
  const answer = await client.call(createTopics, 7, {
    topics: [topic],
    timeoutMs: 1000,
    validateOnly: false,
  })
  expect(answer.topics[0]?.errorCode).toBe(0)
  return { name, id: answer.topics[0]?.topicId ?? '' }
}

const record = (value: string, timestampMs = Date.now()) => ({
  key: Buffer.from('k'),
  value: Buffer.from(value),
  timestampMs,
})
const batchOf = (values: string[], more: Partial<NewBatch> = {}) =>
  buildBatch({ records: values.map((value) => record(value)), ...more })

async function send(
  name: string,
  records: Buffer | null,
  { acks = -1, version = 11, index = 0 } = {},
) {
  const answer = await client.call(produce, version, {
    transactionalId: null,
    acks,
    timeoutMs: 1000,
    topics: [{ name, partitions: [{ index, records }] }],
  })
  return answer.responses[0]?.partitions[0]
}

type FetchRequest = Infer<typeof fetch.request>
type FetchPartition = FetchRequest['topics'][number]['partitions'][number]

const fetchPartition = (more: Partial<FetchPartition> = {}): FetchPartition => ({
  index: 0,
  currentLeaderEpoch: -1,
  fetchOffset: 0,
  lastFetchedEpoch: -1,
  logStartOffset: -1,
  maxBytes: MiB,
  ...more,
})

const emptyFetch: FetchRequest = {
  replicaId: -1,
  maxWaitMs: 0,
  minBytes: 1,
  maxBytes: 50 * MiB,
  isolationLevel: 0,
  sessionId: 0,
  sessionEpoch: -1,
  topics: [],
  forgottenTopics: [],
  rackId: '',
}

async function get(
  topic: { name?: string; id?: string },
  partitions: FetchPartition[],
  more: Partial<FetchRequest> & { version?: number } = {},
) {
  return client.call(fetch, more.version ?? 12, {
    ...emptyFetch,
    topics: [{ name: topic.name ?? '', topicId: topic.id ?? zeroUuid, partitions }],
    ...more,
  })
}

async function getOne(
  topic: { name?: string; id?: string },
  partition: Partial<FetchPartition> = {},
  more: Parameters<typeof get>[2] = {},
) {
  const answer = await get(topic, [fetchPartition(partition)], more)
  return answer.responses[0]?.partitions[0]
}

function valuesOf(slices: readonly Buffer[] | undefined): string[] {
  const bytes = Buffer.concat(slices ?? [])
  const values: string[] = []
  for (let at = 0; at < bytes.length; at += bytes.readInt32BE(at + 8) + 12) {
    for (const { value } of batchRecords(bytes, at)) values.push(value?.toString() ?? '')
  }
  return values
}

describe('every version that is advertised', () => {
  const cases = apiTable.flatMap((api) =>
    Array.from({ length: api.to - api.from + 1 }, (_, i) => ({
      name: `${api.name} ${api.from + i}`,
      api,
      version: api.from + i,
    })),
  )
  // Requests of unknown topics and groups, which every API answers; the sample's values fit nothing that is here.
  test.each(cases)('$name is answered', async ({ api, version }) => {
    using own = await WireClient.connect(broker.port)
    const request = sampleValue(api.request.shape, version) as Record<string, unknown>
    const harmless = api.key === produce.key ? { ...request, acks: -1 } : request
    const answer = await own.call(api as Api<unknown, object>, version, {
      ...harmless,
      ...(api.key === fetch.key ? { maxWaitMs: 0 } : {}),
    })
    expect(Object.keys(answer).length).toBeGreaterThan(0)
  })

  test('is listed by ApiVersions', async () => {
    const request = { clientSoftwareName: 'test', clientSoftwareVersion: '1' }
    const answer = await client.call(apiVersions, 4, request)
    expect(answer.apiKeys).toEqual(
      apiTable.map(({ key, advertisedFrom, to }) => ({
        apiKey: key,
        minVersion: advertisedFrom,
        maxVersion: to,
      })),
    )
  })

  test('is refused to a client whose name is no name', async () => {
    const request = { clientSoftwareName: 'a name!', clientSoftwareVersion: '1' }
    expect((await client.call(apiVersions, 3, request)).errorCode).toBe(errorCodes.INVALID_REQUEST)
  })
})

describe('a produced batch', () => {
  const changed = (change: (batch: Buffer) => void, sealed = true) => {
    const batch = batchOf(['a', 'b'])
    change(batch)
    if (sealed) batch.writeUInt32BE(crc32c(batch, 21), 17)
    return batch
  }
  const packed = (attributes: number, body: Buffer) => {
    const batch = Buffer.concat([batchOf(['a', 'b']).subarray(0, batchHeaderBytes), body])
    batch.writeInt32BE(batch.length - 12, 8)
    batch.writeInt16BE(attributes, 21)
    batch.writeUInt32BE(crc32c(batch, 21), 17)
    return batch
  }
  test.each([
    ['null', null, 'CORRUPT_MESSAGE'],
    ['cut in half', batchOf(['a']).subarray(0, 40), 'CORRUPT_MESSAGE'],
    ['one byte short', batchOf(['a']).subarray(0, -1), 'CORRUPT_MESSAGE'],
    ['two in one', Buffer.concat([batchOf(['a']), batchOf(['b'])]), 'INVALID_RECORD'],
    ['of magic 1', changed((batch) => batch.writeInt8(1, 16)), 'INVALID_RECORD'],
    ['with a bit turned', changed((batch) => batch.writeInt8(7, 63), false), 'CORRUPT_MESSAGE'],
    ['of an unknown codec', packed(5, Buffer.alloc(9)), 'UNSUPPORTED_COMPRESSION_TYPE'],
    ['that is a control batch', changed((batch) => batch.writeInt16BE(0x20, 21)), 'INVALID_RECORD'],
    [
      'of a transaction',
      changed((batch) => batch.writeInt16BE(0x10, 21)),
      'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
    ],
    ['that counts wrongly', changed((batch) => batch.writeInt32BE(3, 57)), 'INVALID_RECORD'],
    ['without records', changed((batch) => batch.writeInt32BE(0, 57)), 'INVALID_RECORD'],
    ['of a producer without sequence', batchOf(['a'], { producerId: 7 }), 'INVALID_RECORD'],
    [
      'of a time beyond 53 bits',
      changed((batch) => batch.writeInt32BE(2 ** 30, 35)),
      'INVALID_TIMESTAMP',
    ],
    [
      'from two hours ahead',
      buildBatch({ records: [record('a', Date.now() + 7_200_000)] }),
      'INVALID_TIMESTAMP',
    ],
  ] as const)('%s is refused', async (_name, batch, error) => {
    const { name } = await freshTopic()
    expect(await send(name, batch)).toMatchObject({ errorCode: errorCodes[error], baseOffset: -1 })
    expect(await send(name, batchOf(['good']))).toMatchObject({ errorCode: 0, baseOffset: 0 })
  })

  test('in zstd is refused below version 7', async () => {
    const { name } = await freshTopic()
    const batch = packed(4, Buffer.alloc(9))
    expect((await send(name, batch, { version: 6 }))?.errorCode).toBe(
      errorCodes.UNSUPPORTED_COMPRESSION_TYPE,
    )
  })

  test('for acks 2, an unknown topic or partition is refused', async () => {
    const { name } = await freshTopic()
    expect((await send(name, batchOf(['a']), { acks: 2 }))?.errorCode).toBe(
      errorCodes.INVALID_REQUIRED_ACKS,
    )
    for (const [topic, index] of [
      [name, 1],
      [name, -1],
      ['no such topic', 0],
    ] as const) {
      expect((await send(topic, batchOf(['a']), { index }))?.errorCode).toBe(
        errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
      )
    }
  })

  test('is refused by its size against the topic', async () => {
    const { name } = await freshTopic(1, { 'max.message.bytes': '200' })
    const ofBytes = (bytes: number) => {
      const sizes = Array.from({ length: bytes }, (_, i) => batchOf(['x'.repeat(i)]))
      return sizes.find((batch) => batch.length === bytes) ?? null
    }
    expect((await send(name, ofBytes(200)))?.errorCode).toBe(0)
    expect((await send(name, ofBytes(201)))?.errorCode).toBe(errorCodes.MESSAGE_TOO_LARGE)
  })

  test('without keys is refused by a compacted topic, record by record, packed or not', async () => {
    const { name } = await freshTopic(1, { 'cleanup.policy': 'compact' })
    const keyless = { key: null, value: Buffer.from('v'), timestampMs: Date.now() }
    const plain = buildBatch({ records: [record('a'), keyless, record('b'), keyless] })
    for (const batch of [plain, gzipped(plain)]) {
      expect(await send(name, batch)).toMatchObject({
        errorCode: errorCodes.INVALID_RECORD,
        recordErrors: [{ batchIndex: 1 }, { batchIndex: 3 }],
      })
    }
    expect((await send(name, packed(1, Buffer.from('no gzip'))))?.errorCode).toBe(
      errorCodes.CORRUPT_MESSAGE,
    )
  })

  test('gets the time of the broker where the topic says so', async () => {
    const topic = await freshTopic(1, { 'message.timestamp.type': 'LogAppendTime' })
    const before = Date.now()
    const answer = await send(topic.name, buildBatch({ records: [record('a', 1000)] }))
    expect(answer?.logAppendTimeMs).toBeGreaterThanOrEqual(before)
    const [fetched] = [...batchRecords(Buffer.concat((await getOne(topic))?.records ?? []))]
    expect(fetched?.timestampMs).toBe(answer?.logAppendTimeMs)
  })

  function gzipped(batch: Buffer): Buffer {
    const body = gzipSync(batch.subarray(batchHeaderBytes))
    const whole = Buffer.concat([batch.subarray(0, batchHeaderBytes), body])
    whole.writeInt32BE(whole.length - 12, 8)
    whole.writeInt16BE(1, 21)
    whole.writeUInt32BE(crc32c(whole, 21), 17)
    return whole
  }
})

describe('an idempotent producer', () => {
  const batch = (producerId: number, baseSequence: number, producerEpoch = 0) =>
    batchOf(['a', 'b'], { producerId, producerEpoch, baseSequence })

  test('gets an id of its own each time it asks', async () => {
    const ask = () =>
      client.call(initProducerId, 5, {
        transactionalId: null,
        transactionTimeoutMs: 1000,
        producerId: -1,
        producerEpoch: -1,
      })
    const [one, two] = [await ask(), await ask()]
    expect(one).toMatchObject({ errorCode: 0, producerEpoch: 0 })
    expect(two.producerId).toBeGreaterThan(one.producerId)
  })

  test('sends a batch again and is told its first offset', async () => {
    const { name } = await freshTopic()
    expect((await send(name, batch(1, 0)))?.baseOffset).toBe(0)
    expect((await send(name, batch(1, 2)))?.baseOffset).toBe(2)
    expect(await send(name, batch(1, 0))).toMatchObject({ errorCode: 0, baseOffset: 0 })
    expect((await getOne({ name }))?.highWatermark).toBe(4)
  })

  test('that leaves out a batch, or comes from an old epoch, is refused', async () => {
    const { name } = await freshTopic()
    await send(name, batch(1, 0, 5))
    const codes = [batch(1, 4, 5), batch(1, 0, 4), batch(1, 2, 6)].map(
      async (each) => (await send(name, each))?.errorCode,
    )
    expect(await Promise.all(codes)).toEqual([
      errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER,
      errorCodes.INVALID_PRODUCER_EPOCH,
      errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER,
    ])
    expect((await send(name, batch(1, 0, 6)))?.errorCode).toBe(0)
  })
})

test('the first who looks for a group finds an internal topic, which nobody may write to', async () => {
  await client.call(findCoordinator, 3, { key: 'g', keyType: 0, coordinatorKeys: [] })
  const name = '__consumer_offsets'
  const answer = await client.call(metadata, 12, {
    topics: [{ topicId: zeroUuid, name }],
    allowAutoTopicCreation: false,
    includeClusterAuthorizedOperations: false,
    includeTopicAuthorizedOperations: false,
  })
  expect(answer.topics[0]).toMatchObject({ errorCode: 0, isInternal: true })
  expect((await send(name, batchOf(['a'])))?.errorCode).toBe(errorCodes.INVALID_TOPIC_EXCEPTION)
})

describe('a fetch', () => {
  test('from the middle of a batch starts with that batch', async () => {
    const topic = await freshTopic()
    await send(topic.name, batchOf(['0', '1', '2']))
    await send(topic.name, batchOf(['3', '4']))
    expect(valuesOf((await getOne(topic, { fetchOffset: 1 }))?.records)).toEqual([
      '0',
      '1',
      '2',
      '3',
      '4',
    ])
    expect(valuesOf((await getOne(topic, { fetchOffset: 3 }))?.records)).toEqual(['3', '4'])
  })

  test('at the end is empty, past it or before the start an error', async () => {
    const topic = await freshTopic()
    await send(topic.name, batchOf(['0', '1', '2']))
    await client.call(deleteRecords, 2, {
      topics: [{ name: topic.name, partitions: [{ index: 0, offset: 1 }] }],
      timeoutMs: 1000,
    })
    expect(await getOne(topic, { fetchOffset: 3 })).toMatchObject({
      errorCode: 0,
      records: [],
      highWatermark: 3,
      logStartOffset: 1,
    })
    for (const fetchOffset of [4, 0, -1]) {
      expect(await getOne(topic, { fetchOffset })).toMatchObject({
        errorCode: errorCodes.OFFSET_OUT_OF_RANGE,
        highWatermark: -1,
      })
    }
  })

  test('returns the first batch however large it is, and no second one that is too large', async () => {
    const topic = await freshTopic(2)
    for (const index of [0, 1]) {
      await send(topic.name, batchOf(['x'.repeat(10 * KiB)]), { index })
      await send(topic.name, batchOf(['y'.repeat(10 * KiB)]), { index })
    }
    const partitions = [0, 1].map((index) => fetchPartition({ index, maxBytes: 100 }))
    const tiny = await get(topic, partitions, { maxBytes: 100 })
    expect(tiny.responses[0]?.partitions.map(({ records }) => valuesOf(records).length)).toEqual([
      1, 0,
    ])
    const larger = await get(
      topic,
      [0, 1].map((index) => fetchPartition({ index })),
      {
        maxBytes: 25 * KiB,
      },
    )
    expect(larger.responses[0]?.partitions.map(({ records }) => valuesOf(records).length)).toEqual([
      2, 0,
    ])
  })

  test('knows topics by id from version 13 on', async () => {
    const topic = await freshTopic()
    await send(topic.name, batchOf(['a']))
    const known = await getOne({ id: topic.id }, {}, { version: 17 })
    expect(valuesOf(known?.records)).toEqual(['a'])
    const unknown = await getOne(
      { id: '11111111-1111-1111-1111-111111111111' },
      {},
      { version: 17 },
    )
    expect(unknown?.errorCode).toBe(errorCodes.UNKNOWN_TOPIC_ID)
    expect((await getOne({ name: 'nowhere' }))?.errorCode).toBe(
      errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
    )
  })

  test('compares leader epochs', async () => {
    const topic = await freshTopic()
    await send(topic.name, batchOf(['a']))
    const current = { currentLeaderEpoch: 1, lastFetchedEpoch: 1, fetchOffset: 1 }
    expect(await getOne(topic, current)).toMatchObject({ errorCode: 0, divergingEpoch: undefined })
    expect((await getOne(topic, { currentLeaderEpoch: 0 }))?.errorCode).toBe(
      errorCodes.FENCED_LEADER_EPOCH,
    )
    expect((await getOne(topic, { currentLeaderEpoch: 2 }))?.errorCode).toBe(
      errorCodes.UNKNOWN_LEADER_EPOCH,
    )
    const ahead = await getOne(topic, { lastFetchedEpoch: 2, fetchOffset: 1 })
    expect(ahead).toMatchObject({
      errorCode: 0,
      divergingEpoch: { epoch: 1, endOffset: 1 },
      records: [],
    })
  })

  test('of a session names what changed and is told what is new', async () => {
    const [one, other] = [await freshTopic(), await freshTopic()]
    const ask = (sessionId: number, sessionEpoch: number, names: string[], gone: string[] = []) =>
      client.call(fetch, 12, {
        ...emptyFetch,
        sessionId,
        sessionEpoch,
        topics: names.map((name) => ({ name, topicId: zeroUuid, partitions: [fetchPartition()] })),
        forgottenTopics: gone.map((name) => ({ name, topicId: zeroUuid, partitions: [0] })),
      })
    const told = ({ responses }: Infer<typeof fetch.response>) => responses.map(({ name }) => name)
    const first = await ask(0, 0, [one.name, other.name])
    expect(first.sessionId).toBeGreaterThan(0)
    expect(told(first)).toEqual([one.name, other.name])
    const { sessionId } = first
    expect(told(await ask(sessionId, 1, []))).toEqual([])
    await send(other.name, batchOf(['a']))
    expect(told(await ask(sessionId, 2, []))).toEqual([other.name])
    expect(await ask(sessionId, 2, [])).toMatchObject({
      errorCode: errorCodes.INVALID_FETCH_SESSION_EPOCH,
      responses: [],
    })
    expect(told(await ask(sessionId, 3, [], [other.name]))).toEqual([])
    await send(one.name, batchOf(['b']))
    expect(told(await ask(sessionId, 4, []))).toEqual([one.name])
    expect((await ask(sessionId, -1, [one.name])).sessionId).toBe(0)
    expect((await ask(sessionId, 5, [])).errorCode).toBe(errorCodes.FETCH_SESSION_ID_NOT_FOUND)
  })

  test('of a session tells of an error again and again, and of its end', async () => {
    const name = `later${++topicCount}`
    const topics = [{ name, topicId: zeroUuid, partitions: [fetchPartition()] }]
    const first = await client.call(fetch, 12, { ...emptyFetch, sessionEpoch: 0, topics })
    const next = async (sessionEpoch: number) => {
      const request = { ...emptyFetch, sessionId: first.sessionId, sessionEpoch }
      const answer = await client.call(fetch, 12, request)
      return answer.responses[0]?.partitions[0]?.errorCode
    }
    expect(first.responses[0]?.partitions[0]?.errorCode).toBe(3)
    expect(await next(1)).toBe(3)
    await client.call(createTopics, 7, {
      topics: [{ name, partitionCount: 1, replicationFactor: 1, assignments: [], configs: [] }],
      timeoutMs: 1000,
      validateOnly: false,
    })
    expect(await next(2)).toBe(0)
    expect(await next(3)).toBeUndefined()
  })

  test('waits until there is enough, or its time is over', async () => {
    const topic = await freshTopic(2)
    const single = batchOf(['a']).length
    const startMs = performance.now()
    expect((await getOne(topic, {}, { maxWaitMs: 80 }))?.records).toEqual([])
    expect(performance.now() - startMs).toBeGreaterThan(75)
    using other = await WireClient.connect(broker.port)
    const waiting = get(
      topic,
      [0, 1].map((index) => fetchPartition({ index })),
      {
        maxWaitMs: 20_000,
        minBytes: single * 2,
      },
    )
    for (const index of [0, 1]) {
      await other.call(produce, 9, {
        transactionalId: null,
        acks: 1,
        timeoutMs: 1000,
        topics: [{ name: topic.name, partitions: [{ index, records: batchOf(['a']) }] }],
      })
    }
    const { responses } = await waiting
    expect(responses[0]?.partitions.map(({ records }) => valuesOf(records))).toEqual([['a'], ['a']])
  })

  test('that waits is answered when its topic is deleted', async () => {
    const topic = await freshTopic()
    using other = await WireClient.connect(broker.port)
    const waiting = getOne({ id: topic.id }, {}, { maxWaitMs: 20_000, version: 13 })
    await other.call(deleteTopics, 6, {
      topics: [{ name: topic.name, topicId: zeroUuid }],
      names: [],
      timeoutMs: 1000,
    })
    expect((await waiting)?.errorCode).toBe(errorCodes.UNKNOWN_TOPIC_ID)
  })

  test('of committed records only tells where they end', async () => {
    const topic = await freshTopic()
    await send(topic.name, batchOf(['a']))
    expect(await getOne(topic, {}, { isolationLevel: 1 })).toMatchObject({
      lastStableOffset: 1,
      abortedTransactions: [],
    })
    expect((await getOne(topic))?.abortedTransactions).toBeNull()
  })
})

describe('offsets', () => {
  async function offsetsAt(
    name: string,
    timestampMs: number,
    more: { currentLeaderEpoch?: number; index?: number } = {},
  ) {
    const answer = await client.call(listOffsets, 10, {
      replicaId: -1,
      isolationLevel: 0,
      topics: [{ name, partitions: [{ index: 0, currentLeaderEpoch: -1, timestampMs, ...more }] }],
      timeoutMs: 1000,
    })
    return answer.topics[0]?.partitions[0]
  }

  test('are told of the ends, the largest time, and a time', async () => {
    const { name } = await freshTopic()
    const times = [1000, 3000, 2000]
    const start = Date.now() - 100_000
    await send(name, buildBatch({ records: times.map((each) => record('v', start + each)) }))
    const offsets = []
    for (const timestampMs of [-1, -2, -3, -4, -5, start, start + 1001, start + 3001]) {
      offsets.push((await offsetsAt(name, timestampMs))?.offset)
    }
    expect(offsets).toEqual([3, 0, 1, 0, -1, 0, 1, -1])
    expect(await offsetsAt(name, start + 2500)).toMatchObject({
      offset: 1,
      timestampMs: start + 3000,
      leaderEpoch: 1,
    })
  })

  test('of an empty partition are 0, and no time is found', async () => {
    const { name } = await freshTopic()
    expect(await offsetsAt(name, -1)).toMatchObject({ errorCode: 0, offset: 0 })
    expect(await offsetsAt(name, -3)).toMatchObject({ errorCode: 0, offset: -1, timestampMs: -1 })
    expect(await offsetsAt(name, 0)).toMatchObject({ errorCode: 0, offset: -1, timestampMs: -1 })
  })

  test('of what is not there, or another epoch, are errors', async () => {
    const { name } = await freshTopic()
    expect((await offsetsAt('nowhere', -1))?.errorCode).toBe(errorCodes.UNKNOWN_TOPIC_OR_PARTITION)
    expect((await offsetsAt(name, -1, { index: 1 }))?.errorCode).toBe(
      errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
    )
    expect((await offsetsAt(name, -1, { currentLeaderEpoch: 0 }))?.errorCode).toBe(
      errorCodes.FENCED_LEADER_EPOCH,
    )
    expect((await offsetsAt(name, -6))?.errorCode).toBe(errorCodes.UNSUPPORTED_VERSION)
  })

  test('are deleted up to the high watermark and no further', async () => {
    const { name } = await freshTopic()
    await send(name, batchOf(['a', 'b', 'c']))
    const deleteTo = async (offset: number) => {
      const answer = await client.call(deleteRecords, 2, {
        topics: [{ name, partitions: [{ index: 0, offset }] }],
        timeoutMs: 1000,
      })
      return answer.topics[0]?.partitions[0]
    }
    expect(await deleteTo(2)).toMatchObject({ errorCode: 0, lowWatermark: 2 })
    expect(await deleteTo(1)).toMatchObject({ errorCode: 0, lowWatermark: 2 })
    expect(await deleteTo(4)).toMatchObject({ errorCode: errorCodes.OFFSET_OUT_OF_RANGE })
    expect(await deleteTo(-1)).toMatchObject({ errorCode: 0, lowWatermark: 3 })
  })

  test('end with their leader epoch', async () => {
    const { name } = await freshTopic()
    await send(name, batchOf(['a', 'b']))
    const endOf = async (leaderEpoch: number) => {
      const answer = await client.call(offsetForLeaderEpoch, 4, {
        replicaId: -1,
        topics: [{ name, partitions: [{ index: 0, currentLeaderEpoch: -1, leaderEpoch }] }],
      })
      return answer.topics[0]?.partitions[0]
    }
    expect(await endOf(1)).toMatchObject({ errorCode: 0, leaderEpoch: 1, endOffset: 2 })
    expect(await endOf(0)).toMatchObject({ errorCode: 0, leaderEpoch: -1, endOffset: -1 })
  })
})

describe('metadata', () => {
  type Request = Infer<typeof metadata.request>
  const ask = (version: number, topics: Request['topics'], allowAutoTopicCreation = false) =>
    client.call(metadata, version, {
      topics,
      allowAutoTopicCreation,
      includeClusterAuthorizedOperations: false,
      includeTopicAuthorizedOperations: false,
    })
  const byName = (name: string) => ({ name, topicId: zeroUuid })

  test('of nothing is all topics in version 0 and none later; null is all', async () => {
    const { name } = await freshTopic()
    const names = async (version: number, topics: Request['topics']) =>
      (await ask(version, topics)).topics.map((topic) => topic.name)
    expect(await names(0, [])).toContain(name)
    expect(await names(1, [])).toEqual([])
    expect(await names(13, null)).toContain(name)
  })

  test('of a topic by id is the topic', async () => {
    const topic = await freshTopic(3)
    const [found, missing] = (
      await ask(12, [
        { name: null, topicId: topic.id },
        { name: null, topicId: '11111111-1111-1111-1111-111111111111' },
      ])
    ).topics
    expect(found).toMatchObject({ errorCode: 0, name: topic.name, topicId: topic.id })
    expect(found?.partitions.map(({ index }) => index)).toEqual([0, 1, 2])
    expect(missing).toMatchObject({ errorCode: errorCodes.UNKNOWN_TOPIC_ID, name: null })
  })

  test('creates a missing topic where both sides allow it, with the default partitions', async () => {
    const name = `auto${++topicCount}`
    expect((await ask(4, [byName(name)])).topics[0]?.errorCode).toBe(
      errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
    )
    const created = await Promise.all([ask(4, [byName(name)], true), ask(1, [byName(name)])])
    for (const { topics } of created) {
      expect(topics[0]).toMatchObject({ errorCode: 0, name })
      expect(topics[0]?.partitions).toHaveLength(2)
    }
  })

  test('of a name that cannot be is an error', async () => {
    expect((await ask(4, [byName('no/such')], true)).topics[0]?.errorCode).toBe(
      errorCodes.INVALID_TOPIC_EXCEPTION,
    )
  })

  test('of many partitions comes in pages, each with where the next begins', async () => {
    const [one, two] = [await freshTopic(3), await freshTopic(2)]
    const names = [one.name, two.name].sort()
    const seen: string[] = []
    let cursor: { topicName: string; partitionIndex: number } | null = null
    do {
      const answer: Infer<typeof describeTopicPartitions.response> = await client.call(
        describeTopicPartitions,
        0,
        { topics: names.map((name) => ({ name })), partitionLimit: 2, cursor },
      )
      for (const { name, partitions } of answer.topics) {
        expect(partitions.length).toBeLessThanOrEqual(2)
        seen.push(...partitions.map(({ index }) => `${name}-${index}`))
      }
      cursor = answer.nextCursor
    } while (cursor)
    const all = [one, two].flatMap(({ name }, i) =>
      [0, 1, 2].slice(i).map((_, index) => `${name}-${index}`),
    )
    expect(seen.toSorted()).toEqual(all.toSorted())
  })
})

describe('topics', () => {
  const newTopic = (name: string, more: object = {}) => ({
    name,
    partitionCount: 1,
    replicationFactor: 1,
    assignments: [],
    configs: [],
    ...more,
  })
  const create = async (...topics: ReturnType<typeof newTopic>[]) =>
    (await client.call(createTopics, 7, { topics, timeoutMs: 1000, validateOnly: false })).topics

  test('are told with their settings and id when created', async () => {
    const name = `t${++topicCount}`
    const [created] = await create(newTopic(name, { partitionCount: -1, replicationFactor: 3 }))
    expect(created).toMatchObject({ errorCode: 0, partitionCount: 2, replicationFactor: 1 })
    expect(created?.topicId).not.toBe(zeroUuid)
    expect(created?.configs?.find((config) => config.name === 'retention.ms')?.value).toBe(
      '604800000',
    )
  })

  test('named twice in a request are both refused', async () => {
    const name = `t${++topicCount}`
    const created = await create(newTopic(name), newTopic(name))
    expect(created.map(({ errorCode }) => errorCode)).toEqual([
      errorCodes.INVALID_REQUEST,
      errorCodes.INVALID_REQUEST,
    ])
  })

  test('are deleted by name or id, and are gone', async () => {
    const [one, two] = [await freshTopic(), await freshTopic()]
    const request = {
      topics: [
        { name: one.name, topicId: zeroUuid },
        { name: null, topicId: two.id },
        { name: 'nowhere', topicId: zeroUuid },
        { name: null, topicId: one.id },
      ],
      names: [],
      timeoutMs: 1000,
    }
    const { responses } = await client.call(deleteTopics, 6, request)
    expect(responses.slice(0, 3)).toMatchObject([
      { name: one.name, topicId: one.id, errorCode: 0 },
      { name: two.name, topicId: two.id, errorCode: 0 },
      { name: 'nowhere', errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION },
    ])
    expect((await send(one.name, batchOf(['a'])))?.errorCode).toBe(
      errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
    )
  })

  test('deleted and created again begin anew', async () => {
    const { name } = await freshTopic()
    await send(name, batchOf(['old']))
    await client.call(deleteTopics, 4, { topics: [], names: [name], timeoutMs: 1000 })
    await create(newTopic(name))
    expect(await getOne({ name })).toMatchObject({ errorCode: 0, highWatermark: 0, records: [] })
  })

  test('grow by partitions that lie on this node', async () => {
    const { name } = await freshTopic()
    const grow = async (count: number, brokerIds: number[][] | null) => {
      const topics = [
        { name, count, assignments: brokerIds?.map((ids) => ({ brokerIds: ids })) ?? null },
      ]
      const answer = await client.call(createPartitions, 3, {
        topics,
        timeoutMs: 1000,
        validateOnly: false,
      })
      return answer.results[0]?.errorCode
    }
    expect(await grow(2, [[2]])).toBe(errorCodes.INVALID_REPLICA_ASSIGNMENT)
    expect(await grow(3, [[1]])).toBe(errorCodes.INVALID_REPLICA_ASSIGNMENT)
    expect(await grow(2, [[1]])).toBe(0)
    expect(await grow(2, null)).toBe(errorCodes.INVALID_PARTITIONS)
    expect((await send(name, batchOf(['a']), { index: 1 }))?.errorCode).toBe(0)
  })
})

describe('settings', () => {
  const describe_ = async (type: number, name: string, keys: string[] | null = null) =>
    (
      await client.call(describeConfigs, 4, {
        resources: [{ type, name, keys }],
        includeSynonyms: true,
        includeDocumentation: true,
      })
    ).results[0]

  test('of a topic are told with their source', async () => {
    const { name } = await freshTopic(1, { 'retention.ms': '1000' })
    const described = await describe_(2, name, ['retention.ms', 'segment.ms'])
    expect(described?.configs).toMatchObject([
      { name: 'retention.ms', value: '1000', source: 1, configType: 5 },
      { name: 'segment.ms', source: 5 },
    ])
    expect(described?.configs[0]?.synonyms.length).toBeGreaterThan(1)
  })

  test('of this broker are told, of any other resource not', async () => {
    const described = await describe_(4, '1')
    const names = described?.configs.map((config) => config.name) ?? []
    for (const name of ['log.segment.bytes', 'num.partitions', 'auto.create.topics.enable']) {
      expect(names).toContain(name)
    }
    expect((await describe_(4, ''))?.configs).toEqual([])
    expect((await describe_(4, '2'))?.errorCode).toBe(errorCodes.INVALID_REQUEST)
    expect((await describe_(2, 'nowhere'))?.errorCode).toBe(errorCodes.UNKNOWN_TOPIC_OR_PARTITION)
  })

  test('of a topic are changed one by one; of the broker they are not', async () => {
    const { name } = await freshTopic(1, { 'retention.ms': '1000' })
    const change = async (
      type: number,
      resource: string,
      operation: number,
      value: string | null,
    ) => {
      const configs = [{ name: 'cleanup.policy', operation, value }]
      const answer = await client.call(incrementalAlterConfigs, 1, {
        resources: [{ type, name: resource, configs }],
        validateOnly: false,
      })
      return answer.responses[0]?.errorCode
    }
    expect(await change(2, name, 2, 'compact')).toBe(0)
    const policy = async () => (await describe_(2, name, ['cleanup.policy']))?.configs[0]?.value
    expect(await policy()).toBe('delete,compact')
    expect(await change(2, name, 1, null)).toBe(0)
    expect(await policy()).toBe('delete')
    expect(await change(2, name, 0, 'nonsense')).toBe(errorCodes.INVALID_CONFIG)
    expect(await change(4, '1', 0, 'delete')).toBe(errorCodes.INVALID_REQUEST)
    const whole = await client.call(alterConfigs, 2, {
      resources: [{ type: 2, name, configs: [] }],
      validateOnly: false,
    })
    expect(whole.responses[0]?.errorCode).toBe(0)
    expect((await describe_(2, name, ['retention.ms']))?.configs[0]?.source).toBe(5)
  })
})

describe('groups', () => {
  const commit = (groupId: string, name: string, index = 0, metadataText: string | null = 'note') =>
    client.call(offsetCommit, 9, {
      groupId,
      generationId: -1,
      memberId: '',
      groupInstanceId: null,
      retentionTimeMs: -1,
      topics: [
        { name, partitions: [{ index, offset: 5, leaderEpoch: 1, metadata: metadataText }] },
      ],
    })
  const fetched = async (
    groupId: string,
    topics: { name: string; partitions: number[] }[] | null,
  ) =>
    (
      await client.call(offsetFetch, 8, {
        groupId: '',
        topics: null,
        groups: [{ groupId, memberId: null, memberEpoch: -1, topics }],
        requireStable: false,
      })
    ).groups[0]

  test('keep offsets with epoch and note; a partition that is not there does not hold them back', async () => {
    const { name } = await freshTopic(2)
    const answers = [await commit('offsets', name), await commit('offsets', name, 7)]
    expect(answers.map(({ topics }) => topics[0]?.partitions[0]?.errorCode)).toEqual([
      0,
      errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
    ])
    expect(await fetched('offsets', null)).toMatchObject({
      topics: [{ name, partitions: [{ index: 0, offset: 5, leaderEpoch: 1, metadata: 'note' }] }],
    })
    expect(
      (await fetched('offsets', [{ name, partitions: [1] }]))?.topics[0]?.partitions[0],
    ).toMatchObject({ offset: -1, errorCode: 0 })
  })

  test('refuse a note of more than 4,096 bytes', async () => {
    const { name } = await freshTopic()
    const codes = []
    for (const length of [4096, 4097]) {
      const answer = await commit('notes', name, 0, 'n'.repeat(length))
      codes.push(answer.topics[0]?.partitions[0]?.errorCode)
    }
    expect(codes).toEqual([0, errorCodes.OFFSET_METADATA_TOO_LARGE])
  })

  test('lose offsets that nobody reads', async () => {
    const { name } = await freshTopic()
    await commit('loses', name)
    const answer = await client.call(offsetDelete, 0, {
      groupId: 'loses',
      topics: [{ name, partitions: [{ index: 0 }, { index: 9 }] }],
    })
    expect(answer).toMatchObject({
      errorCode: 0,
      topics: [
        { partitions: [{ errorCode: 0 }, { errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION }] },
      ],
    })
    expect(
      (await fetched('loses', [{ name, partitions: [0] }]))?.topics[0]?.partitions[0]?.offset,
    ).toBe(-1)
  })

  test('are listed by state and described; unknown ones are dead, from version 6 on an error', async () => {
    const { name } = await freshTopic()
    await commit('listed', name)
    const list = async (states: string[], types: string[] = []) =>
      (await client.call(listGroups, 5, { states, types })).groups.map(({ groupId }) => groupId)
    expect(await list([])).toContain('listed')
    expect(await list(['empty'], ['Classic'])).toContain('listed')
    expect(await list(['Stable'])).not.toContain('listed')
    expect(await list([], ['consumer'])).toEqual([])
    const described = async (version: number) =>
      (
        await client.call(describeGroups, version, {
          groups: ['nobody'],
          includeAuthorizedOperations: false,
        })
      ).groups[0]
    expect(await described(5)).toMatchObject({ errorCode: 0, state: 'Dead' })
    expect(await described(6)).toMatchObject({
      errorCode: errorCodes.GROUP_ID_NOT_FOUND,
      state: 'Dead',
    })
  })

  test('are coordinated here, whoever asks; share groups are not', async () => {
    const ask = (version: number, keyType: number) =>
      client.call(findCoordinator, version, { key: 'g', keyType, coordinatorKeys: ['g', 'h'] })
    expect(await ask(3, 0)).toMatchObject({ errorCode: 0, nodeId: 1, port: broker.port })
    const { coordinators } = await ask(4, 1)
    expect(coordinators).toMatchObject([
      { key: 'g', errorCode: 0, port: broker.port },
      { key: 'h', errorCode: 0, port: broker.port },
    ])
    expect((await ask(6, 2)).coordinators[0]?.errorCode).toBe(errorCodes.INVALID_REQUEST)
  })
})

describe('the one node', () => {
  test('leads everything: no election is needed, no reassignment is possible', async () => {
    const { name } = await freshTopic()
    const partitions = [0, 9]
    const elected = await client.call(electLeaders, 2, {
      electionType: 0,
      topics: [{ name, partitions }],
      timeoutMs: 1000,
    })
    expect(elected.results[0]?.partitions.map(({ errorCode }) => errorCode)).toEqual([
      errorCodes.ELECTION_NOT_NEEDED,
      errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
    ])
    const wanted = [[1], [2], null].map((replicas) => ({ index: 0, replicas }))
    const moved = await client.call(alterPartitionReassignments, 0, {
      timeoutMs: 1000,
      topics: [{ name, partitions: wanted }],
    })
    expect(moved.responses[0]?.partitions.map(({ errorCode }) => errorCode)).toEqual([
      0,
      errorCodes.INVALID_REPLICA_ASSIGNMENT,
      errorCodes.NO_REASSIGNMENT_IN_PROGRESS,
    ])
  })

  test('describes itself and its disk', async () => {
    const cluster = await client.call(describeCluster, 2, {
      includeAuthorizedOperations: false,
      endpointType: 1,
      includeFencedBrokers: false,
    })
    expect(cluster).toMatchObject({
      errorCode: 0,
      controllerId: 1,
      brokers: [{ nodeId: 1, host: '127.0.0.1', port: broker.port }],
    })
    const { name } = await freshTopic(2)
    await send(name, batchOf(['a']))
    const { results } = await client.call(describeLogDirs, 4, {
      topics: [{ name, partitions: [0, 1, 2] }],
    })
    expect(results[0]).toMatchObject({ errorCode: 0, logDir: dataDir, topics: [{ name }] })
    expect(results[0]?.topics[0]?.partitions.map(({ sizeBytes }) => sizeBytes > 0)).toEqual([
      true,
      false,
    ])
    expect(results[0]?.totalBytes).toBeGreaterThan(results[0]?.usableBytes ?? 0)
  })
})
