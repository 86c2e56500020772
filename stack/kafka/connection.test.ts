import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ManualClock } from '../base/clock.ts'
import type { LogFields, Logger } from '../base/logger.ts'
import { KiB, minuteMs, MiB } from '../base/units.ts'
import { errorCodes } from './protocol/errors.ts'
import { apiVersions, metadata } from './protocol/messages/cluster.ts'
import { fetch, produce } from './protocol/messages/data.ts'
import { heartbeat, joinGroup } from './protocol/messages/group.ts'
import { createTopics } from './protocol/messages/topics.ts'
import { buildBatch } from './protocol/record-batch.ts'
import type { BrokerOptions, RunningBroker } from './start.ts'
import { startBroker } from './start.ts'
import { decodeResponse, encodeRequest, WireClient } from './wire-client.ts'
import { fetchOf, newTopicOf, produceOf } from './wire-requests.ts'

let dataDir = ''
let broker: RunningBroker
let logged: { message: string; fields: LogFields }[] = []
const note = (message: string, fields: LogFields = {}) => void logged.push({ message, fields })
const logger: Logger = { debug() {}, info: note, warn: note, error: note }

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'slipway-connection-'))
  logged = []
})

afterEach(async () => {
  await broker.close()
  await rm(dataDir, { recursive: true, force: true })
})

async function start(options: Partial<BrokerOptions> = {}): Promise<void> {
  broker = await startBroker({ dataDir, logger, durability: 'none', controlPort: 0, ...options })
}

async function createTopic(name: string): Promise<void> {
  using client = await WireClient.connect(broker.port)
  await client.call(createTopics, 4, newTopicOf(name))
}

function produceFrame(value: string, { acks = -1, version = 7, topic = 't' } = {}): Buffer {
  const records = buildBatch({
    records: [{ key: null, value: Buffer.from(value), timestampMs: 1 }],
  })
  return encodeRequest(produce, version, produceOf(topic, records, { acks }))
}

const fetchFrame = (options: Parameters<typeof fetchOf>[1] = {}): Buffer =>
  encodeRequest(fetch, 11, fetchOf('t', options))

const allTopics = {
  topics: null,
  allowAutoTopicCreation: false,
  includeClusterAuthorizedOperations: false,
  includeTopicAuthorizedOperations: false,
}

async function status(): Promise<{
  connections: number
  topics: { partitions: { highWatermark: number }[] }[]
}> {
  const answer = await globalThis.fetch(`http://127.0.0.1:${broker.controlPort}/status`)
  return (await answer.json()) as Awaited<ReturnType<typeof status>>
}

async function gauge(name: string): Promise<number> {
  const answer = await globalThis.fetch(`http://127.0.0.1:${broker.controlPort}/metrics`)
  const line = (await answer.text()).split('\n').find((each) => each.startsWith(`${name} `))
  return Number(line?.split(' ')[1])
}

const int32 = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

describe('what cannot be understood closes the connection with one line in the log', () => {
  const header = encodeRequest(metadata, 1, allTopics)
  const changed = (position: number, value: number) => {
    const frame = Buffer.from(header)
    frame.writeInt16BE(value, position)
    return frame
  }
  test.each([
    ['a negative frame size', int32(-1), /a frame of -1 bytes/],
    ['a frame size above the limit', int32(64 * MiB + 1), /a frame of 67108865 bytes/],
    [
      'text where a size should be',
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      /a frame of 1195725856 bytes/,
    ],
    ['an empty frame', int32(0), /bytes wanted/],
    ['an API that is not served', changed(4, 999), /API key 999 is not served/],
    ['a version that is not served', changed(6, 99), /Metadata version 99 is not served/],
    ['a client id that is longer than the frame', changed(12, 30_000), /bytes wanted/],
    [
      'an array that is longer than the frame',
      Buffer.concat([header.subarray(0, -4), int32(9)]),
      /array of 9/,
    ],
  ])('%s', async (_name, bytes, why) => {
    await start()
    using bystander = await WireClient.connect(broker.port)
    using client = await WireClient.connect(broker.port)
    client.write(bytes)
    await client.closed
    expect(logged).toHaveLength(1)
    expect(logged[0]?.fields['why']).toMatch(why)
    const answer = await bystander.call(metadata, 1, allTopics)
    expect(answer.brokers).toHaveLength(1)
  })

  test('a produce without acknowledgement that fails', async () => {
    await start()
    using client = await WireClient.connect(broker.port)
    client.write(produceFrame('lost', { acks: 0 }))
    await client.closed
    expect(logged[0]?.fields['why']).toMatch(/UNKNOWN_TOPIC_OR_PARTITION/)
  })
})

test('bytes behind a request are left aside: librdkafka 2.16 asks so for all topics', async () => {
  await start()
  await createTopic('t')
  using client = await WireClient.connect(broker.port)
  const frame = Buffer.from('000000190003000d00000004000772646b61666b610000000000010000', 'hex')
  const answer = decodeResponse(metadata, 13, await client.exchange(frame))
  expect(answer.topics.map(({ name }) => name)).toEqual(['t'])
})

test('an ApiVersions from the future is answered in version 0 with the range of that key', async () => {
  await start()
  using client = await WireClient.connect(broker.port)
  const frame = encodeRequest(apiVersions, 4, {
    clientSoftwareName: 'tomorrow',
    clientSoftwareVersion: '9.9',
  })
  frame.writeInt16BE(77, 6)
  const answer = decodeResponse(apiVersions, 0, await client.exchange(frame))
  expect(answer.errorCode).toBe(errorCodes.UNSUPPORTED_VERSION)
  expect(answer.apiKeys).toEqual([{ apiKey: 18, minVersion: 0, maxVersion: 4 }])
})

describe('frames', () => {
  test('that come byte by byte, or many at once, are answered in order', async () => {
    await start()
    await createTopic('t')
    using client = await WireClient.connect(broker.port)
    const answers = Array.from({ length: 300 }, (_, i) => client.exchange(produceFrame(`v${i}`)))
    const offsets = (await Promise.all(answers)).map(
      (frame) => decodeResponse(produce, 7, frame).responses[0]?.partitions[0]?.baseOffset,
    )
    expect(offsets).toEqual(Array.from({ length: 300 }, (_, i) => i))
    const frame = encodeRequest(metadata, 1, allTopics)
    const answer = client.exchange(frame.subarray(0, 1))
    for (const byte of frame.subarray(1)) client.write(Buffer.from([byte]))
    expect(decodeResponse(metadata, 1, await answer).topics[0]?.name).toBe('t')
  })

  test('that promise much and bring little cost what they brought', async () => {
    await start()
    const before = process.memoryUsage()
    const clients = await Promise.all(
      Array.from({ length: 50 }, () => WireClient.connect(broker.port)),
    )
    for (const client of clients) client.write(Buffer.concat([int32(64 * MiB), Buffer.alloc(100)]))
    await expect.poll(() => gauge('slipway_broker_request_bytes')).toBe(50 * 104)
    const grown = process.memoryUsage().arrayBuffers - before.arrayBuffers
    expect(grown).toBeLessThan(16 * MiB)
    for (const client of clients) client.close()
    await expect.poll(() => gauge('slipway_broker_request_bytes')).toBe(0)
  })
})

describe('a request behind one that waits', () => {
  test('is begun and answered after it', async () => {
    await start()
    await createTopic('t')
    using waiting = await WireClient.connect(broker.port)
    using other = await WireClient.connect(broker.port)
    const order: string[] = []
    const parked = waiting
      .exchange(fetchFrame({ maxWaitMs: 20_000 }))
      .then(() => order.push('fetch'))
    const behind = waiting.call(metadata, 1, allTopics).then(() => order.push('metadata'))
    await other.exchange(produceFrame('wakes it'))
    await Promise.all([parked, behind])
    expect(order).toEqual(['fetch', 'metadata'])
  })

  test('sees what the one before it did: a heartbeat behind a join is of the new generation', async () => {
    await start({ initialRebalanceDelayMs: 50 })
    using client = await WireClient.connect(broker.port)
    const joined = client.call(joinGroup, 1, {
      groupId: 'g',
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 10_000,
      memberId: '',
      groupInstanceId: null,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: Buffer.from('m') }],
      reason: null,
    })
    const beaten = client.call(heartbeat, 1, {
      groupId: 'g',
      generationId: 1,
      memberId: 'nobody',
      groupInstanceId: null,
    })
    expect((await joined).generationId).toBe(1)
    expect((await beaten).errorCode).toBe(errorCodes.UNKNOWN_MEMBER_ID)
  })
})

describe('a client that goes away', () => {
  test('has what it produced without acknowledgement appended', async () => {
    await start()
    await createTopic('t')
    const client = await WireClient.connect(broker.port)
    for (let i = 0; i < 500; i++) client.write(produceFrame(`v${i}`, { acks: 0 }))
    client.end()
    await client.closed
    await expect
      .poll(async () => (await status()).topics[0]?.partitions[0]?.highWatermark)
      .toBe(500)
  })

  test('in the middle of a long fetch leaves nothing behind', async () => {
    await start()
    await createTopic('t')
    const client = await WireClient.connect(broker.port)
    const parked = client.exchange(fetchFrame({ maxWaitMs: 2 ** 31 - 1 })).catch(() => 'gone')
    await expect.poll(async () => (await status()).connections).toBe(1)
    client.close()
    expect(await parked).toBe('gone')
    await expect.poll(async () => (await status()).connections).toBe(0)
    await expect.poll(() => gauge('slipway_broker_request_bytes')).toBe(0)
  })
})

describe('limits', () => {
  test('a silent connection is closed when it is idle too long, a half-sent request sooner', async () => {
    const clock = new ManualClock(1_000_000)
    await start({ clock })
    using idle = await WireClient.connect(broker.port)
    using stuck = await WireClient.connect(broker.port)
    await idle.call(metadata, 1, allTopics)
    stuck.write(Buffer.alloc(2))
    await expect.poll(() => gauge('slipway_broker_request_bytes')).toBe(2)
    clock.advance(minuteMs)
    await stuck.closed
    await expect.poll(async () => (await status()).connections).toBe(1)
    clock.advance(8 * minuteMs)
    await idle.call(metadata, 1, allTopics)
    clock.advance(10 * minuteMs)
    await idle.closed
    expect(logged.map(({ fields }) => fields['why'])).toEqual(['stalled', 'idle'])
  })

  test('half-sent requests that together take too much lose the largest of them', async () => {
    await start({ budgetBytes: MiB })
    using small = await WireClient.connect(broker.port)
    using large = await WireClient.connect(broker.port)
    small.write(Buffer.concat([int32(8 * MiB), Buffer.alloc(700 * KiB)]))
    large.write(Buffer.concat([int32(8 * MiB), Buffer.alloc(1500 * KiB)]))
    await large.closed
    expect(logged[0]?.fields['why']).toMatch(/too much memory/)
    await expect.poll(() => gauge('slipway_broker_request_bytes')).toBe(700 * KiB + 4)
  })

  test('a client that does not read its answers is not answered any further', async () => {
    await start({ limits: { unsentBytesMax: 256 * KiB } })
    await createTopic('t')
    using feeder = await WireClient.connect(broker.port)
    for (let i = 0; i < 4; i++) await feeder.exchange(produceFrame('x'.repeat(900 * KiB)))
    using lazy = await WireClient.connect(broker.port)
    lazy.pause()
    const frames = Array.from({ length: 30 }, () => fetchFrame({ maxBytes: 4 * MiB }))
    const answers = Promise.all(frames.map((frame) => lazy.exchange(frame)))
    await expect.poll(() => gauge('slipway_broker_answer_bytes')).toBeGreaterThan(256 * KiB)
    expect(await gauge('slipway_broker_answer_bytes')).toBeLessThan(8 * MiB)
    lazy.resume()
    expect((await answers).every((frame) => frame.length > 3 * 900 * KiB)).toBe(true)
  })

  test('one connection more than allowed is closed', async () => {
    await start({ limits: { connectionsMax: 1 } })
    using first = await WireClient.connect(broker.port)
    using second = await WireClient.connect(broker.port)
    await second.closed
    expect((await first.call(metadata, 1, allTopics)).brokers).toHaveLength(1)
  })
})

test('a broker that stops answers what it has begun', async () => {
  await start({ durability: 'fsync' })
  await createTopic('t')
  using client = await WireClient.connect(broker.port)
  const parked = client.exchange(fetchFrame({ maxWaitMs: 60_000, minBytes: 2 }))
  await expect.poll(async () => (await status()).connections).toBe(1)
  const closing = broker.close()
  expect(decodeResponse(fetch, 11, await parked).errorCode).toBe(0)
  await Promise.all([closing, client.closed])
  await start()
})
