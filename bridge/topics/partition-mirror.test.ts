// One partition without a broker and without Pub/Sub: requests are answered by hand.

import { describe, expect, test } from 'vitest'
import { ManualClock } from '#stack/base/clock.ts'
import { silentLogger } from '#stack/base/logger.ts'
import { Metrics } from '#stack/base/metrics.ts'
import type { IncomingRecord } from '#stack/kafka-client/records.ts'
import type { BridgeError, ErrorLane } from '../errors.ts'
import type { Message } from './message.ts'
import { PartitionMirror } from './partition-mirror.ts'
import type { MirrorOptions } from './partition-mirror.ts'
import { RequestSlots } from './request-slots.ts'
import { SendRate } from './send-rate.ts'
import { topicMetrics } from './topic-metrics.ts'
import { WaitingBytes } from './waiting-bytes.ts'

const at = { topic: 'orders', partition: 0 }

interface Request {
  offsets: number[]
  keys: Set<string>
  bytes: number
  succeed(): Promise<void>
  fail(code: number, message?: string): Promise<void>
}

/** Lets everything happen that needs no time to pass. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve))

function opened(options: Partial<MirrorOptions> = {}) {
  const clock = new ManualClock(1_000_000)
  const open: Request[] = []
  const all: Request[] = []
  const reported: BridgeError[] = []
  const paused: boolean[] = []
  const mirror = new PartitionMirror({
    at,
    position: 0,
    sinceMs: 0,
    target: 'projects/shop/topics/orders',
    publish: (_topic, messages) =>
      new Promise((resolve, reject) => {
        const request = requestOf(messages, async (error) => {
          open.splice(open.indexOf(request), 1)
          if (error) reject(error)
          else resolve()
          await settle()
        })
        open.push(request)
        all.push(request)
      }),
    ordering: 'key',
    onError: 'stop',
    waiting: new WaitingBytes({ bytesMax: 1e9, partitions: 1 }),
    pause: () => void paused.push(true),
    resume: () => void paused.push(false),
    rate: new SendRate(),
    slots: new RequestSlots(1000),
    chance: () => 1,
    errors: { report: async (error: BridgeError) => void reported.push(error) } as ErrorLane,
    metrics: topicMetrics(new Metrics()),
    clock,
    logger: silentLogger,
    ...options,
  })
  let next = 0
  return {
    mirror,
    clock,
    open,
    all,
    reported,
    paused,
    /** Records by their keys, from the next offset on. */
    async take(
      keys: readonly (string | null)[],
      record: Partial<IncomingRecord> = {},
      recordsToCome = 0,
    ) {
      const records = keys.map((key) => ({
        key: key === null ? null : Buffer.from(key),
        value: Buffer.from('v'),
        headers: {},
        timestampMs: clock.now(),
        offset: next++,
        ...record,
      }))
      const highWatermark = next + recordsToCome
      mirror.take({ ...at, records, leftOut: 0, nextOffset: next, highWatermark })
      await settle()
    },
    async pass(ms: number) {
      clock.advance(ms)
      await settle()
    },
    state: () => mirror.status().state,
  }
}

function requestOf(
  messages: readonly Message[],
  answer: (error?: Error) => Promise<void>,
): Request {
  return {
    offsets: messages.map(({ attributes }) => Number(attributes['kafka.offset'])),
    keys: new Set(messages.map(({ orderingKey }) => orderingKey)),
    bytes: messages.reduce((sum, { data }) => sum + data.length, 0),
    succeed: () => answer(),
    fail: (code, message = 'no') => answer(Object.assign(new Error(message), { code })),
  }
}

const codes = { invalid: 3, deadline: 4, notFound: 5, exhausted: 8, unavailable: 14 }
const offsetsOf = (requests: readonly Request[]) => requests.map(({ offsets }) => offsets)

describe('of a key', () => {
  test('one request is under way; what comes meanwhile is the next one', async () => {
    const { take, open } = opened()
    await take(['a', 'b', 'a'])
    expect(offsetsOf(open)).toEqual([[0, 2], [1]])
    await take(['a', 'a', 'c'])
    expect(offsetsOf(open)).toEqual([[0, 2], [1], [5]])
    await open[0]?.succeed()
    expect(offsetsOf(open)).toEqual([[1], [5], [3, 4]])
  })

  test('the same request is sent again, later and later, and the key waits; the others do not', async () => {
    const { take, open, all, pass, mirror } = opened()
    await take(['a', 'b'])
    await open[0]?.fail(codes.unavailable)
    await take(['a', 'b'])
    await open[0]?.succeed()
    await open[0]?.succeed()
    expect(offsetsOf(all)).toEqual([[0], [1], [3]])
    await pass(99)
    expect(open).toHaveLength(0)
    await pass(1)
    await open[0]?.fail(codes.deadline)
    await pass(199)
    expect(open).toHaveLength(0)
    await pass(1)
    await open[0]?.succeed()
    await open[0]?.succeed()
    expect(offsetsOf(all)).toEqual([[0], [1], [3], [0], [0], [2]])
    expect(mirror.position).toBe(4)
    expect(mirror.status().counts).toMatchObject({ sent: 4, retries: 2, errors: 0 })
  })
})

describe('a request', () => {
  test('holds one key, a thousand messages and nine megabytes at most', async () => {
    const { take, open } = opened({ ordering: 'partition' })
    await take(Array.from({ length: 1700 }, () => 'a'))
    await open[0]?.succeed()
    expect(offsetsOf(open).map(({ length }) => length)).toEqual([700])
    await open[0]?.succeed()
    await take(['a', 'b', 'c'], { value: Buffer.alloc(4_000_000) })
    expect(open.map(({ bytes }) => bytes)).toEqual([8_000_000])
    await open[0]?.succeed()
    expect(open.map(({ bytes, keys }) => [bytes, ...keys])).toEqual([[4_000_000, 'orders/0']])
  })

  test('is one of 32 under way of a partition', async () => {
    const { take, open, all } = opened()
    await take(Array.from({ length: 40 }, (_, i) => `key-${i}`))
    expect(open).toHaveLength(32)
    expect(open.every(({ keys }) => keys.size === 1)).toBe(true)
    await open[7]?.succeed()
    expect(open).toHaveLength(32)
    expect(all).toHaveLength(33)
  })

  test('waits while the target has as many as it may, and does not while it is to be sent again', async () => {
    const { take, open, all, pass } = opened({ slots: new RequestSlots(2) })
    await take(['a', 'b', 'c'])
    expect(offsetsOf(open)).toEqual([[0], [1]])
    await open[0]?.fail(codes.unavailable)
    expect(offsetsOf(open)).toEqual([[1], [2]])
    await pass(100)
    expect(open).toHaveLength(2)
    await open[0]?.succeed()
    expect(offsetsOf(open)).toEqual([[2], [0]])
    expect(all).toHaveLength(4)
  })

  test('of records in no order needs to wait for no other', async () => {
    const { take, open, mirror } = opened()
    await take([null, null])
    await take([null])
    expect(offsetsOf(open)).toEqual([[0, 1], [2]])
    await open[1]?.succeed()
    expect(mirror.position).toBe(0)
    await open[0]?.succeed()
    expect(mirror.position).toBe(3)
  })
})

describe('far behind', () => {
  test('what is of one key goes together, once what may wait is there', async () => {
    const waiting = new WaitingBytes({ bytesMax: 5000, partitions: 1 })
    const { take, open } = opened({ waiting })
    await take(['a', 'b', 'a'], {}, 2000)
    await take(['a', 'b', 'c'], {}, 1000)
    expect(open).toHaveLength(0)
    await take(['a', 'b', 'c'], {}, 1000)
    expect(offsetsOf(open)).toEqual([
      [0, 2, 3, 6],
      [1, 4, 7],
      [5, 8],
    ])
  })

  test('it is sent when the rest is near, too', async () => {
    const { take, open } = opened()
    await take(['a', 'b', 'a'], {}, 1000)
    expect(open).toHaveLength(0)
    await take(['a'], {}, 999)
    expect(offsetsOf(open)).toEqual([[0, 2, 3], [1]])
  })

  test('a key of which a whole request waits goes at once, and the next when that is answered', async () => {
    const { take, open } = opened()
    await take(['b', ...Array.from({ length: 2500 }, () => 'a')], {}, 5000)
    expect(open.map(({ offsets }) => offsets.length)).toEqual([1000])
    await open[0]?.succeed()
    expect(open.map(({ offsets }) => offsets.length)).toEqual([1000])
    await open[0]?.succeed()
    expect(open).toHaveLength(0)
  })

  test('it waits for five seconds at most, however slowly the rest comes', async () => {
    const { take, open, pass } = opened()
    await take(['a'], {}, 5000)
    await pass(4999)
    expect(open).toHaveLength(0)
    await pass(1)
    expect(offsetsOf(open)).toEqual([[0]])
    await take(['b'], {}, 4000)
    expect(offsetsOf(open)).toEqual([[0], [1]])
  })
})

describe('a record that is refused', () => {
  /** Answers every request until none is left; those that hold the offset are refused. */
  async function refuse(open: Request[], ...refused: number[]): Promise<void> {
    while (open.length > 0) {
      const [request] = open as [Request]
      const isRefused = request.offsets.some((offset) => refused.includes(offset))
      await (isRefused ? request.fail(codes.invalid, 'bad attribute') : request.succeed())
    }
  }

  test('stops its partition there, when what is under way is settled, and is told once', async () => {
    const { take, open, mirror, reported, state, paused } = opened()
    await take(['a', 'a', 'a', 'a', 'b', 'a'])
    await refuse(open, 2)
    expect(mirror.position).toBe(2)
    expect(state()).toBe('stopped')
    expect(mirror.status().detail).toContain(
      'orders-0@2 is refused (INVALID_ARGUMENT: bad attribute)',
    )
    expect(paused).toEqual([true])
    await take(['c'])
    expect(open).toHaveLength(0)
    expect(reported).toMatchObject([
      { lane: 'topics', position: 'orders-0@2', code: 'INVALID_ARGUMENT', payload: 'v' },
    ])
  })

  test('is found in its request, and left out where that is wanted', async () => {
    const { take, open, all, mirror, reported, state } = opened({ onError: 'skip' })
    await take(['a', 'a', 'a', 'a', 'a', 'a', 'a'])
    await refuse(open, 1, 6)
    expect(reported.map(({ position }) => position)).toEqual(['orders-0@1', 'orders-0@6'])
    expect(mirror.position).toBe(7)
    expect(state()).toBe('caught-up')
    const arrived = all.filter(({ offsets }) => !offsets.includes(1) && !offsets.includes(6))
    expect(arrived.flatMap(({ offsets }) => offsets)).toEqual([0, 2, 3, 4, 5])
  })

  test('after twenty others, and none that was taken, is no matter of the records: it stops', async () => {
    const { take, open, reported, state, mirror } = opened({ onError: 'skip' })
    const offsets = Array.from({ length: 40 }, (_, i) => i)
    await take(offsets.map(() => 'a'))
    await refuse(open, ...offsets)
    expect(state()).toBe('stopped')
    expect(mirror.position).toBe(20)
    expect(reported).toHaveLength(21)
  })

  test('since it is too large is not sent at all; the partition goes on', async () => {
    const { take, open, reported, mirror } = opened()
    await take(['a'], { value: Buffer.alloc(9_000_000) })
    await take(['a'])
    expect(offsetsOf(open)).toEqual([[1]])
    await open[0]?.succeed()
    expect(reported).toMatchObject([{ position: 'orders-0@0', code: 'TOO_LARGE' }])
    expect(mirror.position).toBe(2)
  })
})

describe('a target', () => {
  test('that is not there is waited for, and what to do is said', async () => {
    const { take, open, pass, mirror, state } = opened()
    await take(['a'])
    await open[0]?.fail(codes.notFound, 'Resource not found')
    expect(state()).toBe('waiting')
    expect(mirror.status().detail).toBe(
      'projects/shop/topics/orders: NOT_FOUND, Resource not found; `slipway bridge apply` creates what is missing',
    )
    await pass(100)
    await open[0]?.succeed()
    expect(state()).toBe('caught-up')
  })

  test('that calls it too much is sent to more slowly', async () => {
    const rate = new SendRate()
    const { take, open, pass } = opened({ rate })
    await take(Array.from({ length: 30 }, (_, i) => `key-${i}`))
    for (const request of open.slice()) await request.fail(codes.exhausted)
    expect(rate.limitPerSecond).toBe(15)
    await pass(100)
    expect(open.length).toBeLessThan(5)
    for (let i = 0; i < 30; i++) {
      for (const request of open.slice()) await request.succeed()
      await pass(100)
    }
    expect(open).toHaveLength(0)
  })
})

describe('what waits', () => {
  test('is bounded by bytes: the partition is paused above, and goes on soon below', async () => {
    const waiting = new WaitingBytes({ bytesMax: 11_000, partitions: 1 })
    const { take, open, paused } = opened({ waiting })
    const value = Buffer.alloc(2000)
    await take(['a', 'b', 'c', 'd'], { value })
    expect(paused).toEqual([])
    await take(['e'], { value })
    expect(paused).toEqual([true])
    await open[0]?.succeed()
    expect(paused).toEqual([true])
    await open[0]?.succeed()
    expect(paused).toEqual([true, false])
  })

  test('behind a key that is stuck is bounded too', async () => {
    const { take, open, paused } = opened({ ordering: 'key' })
    await take(['stuck'])
    for (let i = 0; i < 51; i++) {
      await take(Array.from({ length: 1000 }, () => 'b'))
      await open[1]?.succeed()
    }
    expect(paused).toEqual([true])
    await open[0]?.succeed()
    expect(paused).toEqual([true, false])
  })
})

test('records from before the mirror begins are passed without being sent', async () => {
  const { take, open, mirror } = opened({ sinceMs: 1_000_000 })
  await take(['a', 'b'], { timestampMs: 999_999 })
  expect(open).toHaveLength(0)
  expect(mirror.position).toBe(2)
  await take(['a'], { timestampMs: 1_000_000 })
  expect(offsetsOf(open)).toEqual([[2]])
})

test('once it is stopped nothing more is sent, and what is under way still counts', async () => {
  const { take, open, all, mirror, pass } = opened()
  await take(['a', 'b'])
  await open[1]?.fail(codes.unavailable)
  await take(['a'])
  const stopped = mirror.stop(5000)
  await open[0]?.succeed()
  await stopped
  await pass(10_000)
  expect(offsetsOf(all)).toEqual([[0], [1]])
  expect(mirror.position).toBe(1)
})
