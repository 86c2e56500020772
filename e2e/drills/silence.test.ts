// T2 over the running stack: silence yields the verdict in time, and nothing closes early: not by one event of the future,
// not while one partition is read long after the others.

import { describe, expect, test } from 'vitest'
import { hourMs, isoTime, minuteMs, secondMs } from '#stack/base/units.ts'
import { startStack } from '../fixtures/stack.ts'
import type { Stack } from '../fixtures/stack.ts'
import { readTopic } from './topic-reader.ts'
import { topicWriter } from './topic-writer.ts'
import type { Writable } from './topic-writer.ts'

interface Verdict {
  status: string
  revision: number
  cartKey: string
  abandonedAt: string
  processedAt: string
}

/** The defaults of events.md 2.3, and two seconds. */
const latestMs = (30 + 10 + 2) * secondMs
const item = { productId: 'P-1', quantity: 1, unitPriceMinor: 1250 }

describe('one shopper adds and nothing else ever arrives', () => {
  test('the verdict comes by the moved clock', { timeout: 90_000 }, async () => {
    await using stack = await startStack()
    const addedMs = Date.now()
    await collect(stack, 'a', 'add_to_cart', addedMs)
    await stack.settle()
    await stack.moveClock({ now: isoTime(addedMs + hourMs + 25 * secondMs) })
    await stack.settle()
    expect(await verdicts(stack)).toEqual([])
    await stack.moveClock({ now: isoTime(addedMs + hourMs + 40 * secondMs) })
    await expect.poll(() => verdicts(stack), { timeout: 30_000 }).toHaveLength(1)
    const [verdict] = await verdicts(stack)
    expect(verdict).toMatchObject({ status: 'abandoned', abandonedAt: isoTime(addedMs + hourMs) })
    expect(waitedMs(verdict)).toBeLessThanOrEqual(latestMs)
  })

  test('the verdict comes in real time, with small windows', { timeout: 90_000 }, async () => {
    const windows = {
      SLIPWAY_ABANDON_AFTER_MS: '3000',
      SLIPWAY_WATERMARK_DELAY_MS: '1000',
      SLIPWAY_IDLE_TIMEOUT_MS: '1000',
    }
    await using stack = await startStack({ env: windows })
    const addedMs = Date.now()
    await collect(stack, 'a', 'add_to_cart', addedMs)
    await expect.poll(() => verdicts(stack), { timeout: 30_000 }).toHaveLength(1)
    const [verdict] = await verdicts(stack)
    expect(verdict).toMatchObject({ abandonedAt: isoTime(addedMs + 3 * secondMs) })
    expect(waitedMs(verdict)).toBeLessThanOrEqual(4 * secondMs)
  })
})

describe('nothing closes early', () => {
  test('by one event of the future, sent or written', { timeout: 90_000 }, async () => {
    await using stack = await startStack()
    await using writer = await topicWriter(stack.addresses['kafka'] as string)
    const addedMs = Date.now()
    await collect(stack, 'a', 'add_to_cart', addedMs)
    await collect(stack, 'b', 'page_view', addedMs + 24 * hourMs)
    await writer.write(
      [0, 1, 2, 3].map((partition) => ({
        ...written(`c${partition}`, 'page_view', addedMs + 24 * hourMs, addedMs),
        partition,
      })),
    )
    await stack.settle()
    await stack.moveClock({ now: isoTime(addedMs + 59 * minuteMs) })
    await stack.settle()
    expect(await verdicts(stack)).toEqual([])
    expect(await stack.rows('carts')).toMatchObject([{ state: 'open' }])
    await stack.moveClock({ now: isoTime(addedMs + hourMs + minuteMs) })
    await stack.settle()
    expect(await stack.rows('carts')).toMatchObject([
      { state: 'abandoned', abandoned_at: isoTime(addedMs + hourMs) },
    ])
  })

  test(
    'while one partition has more than fifty times the records of the others: no verdict is taken back',
    { timeout: 300_000 },
    async () => {
      // The others have been silent for long before the slow one is read.
      await using stack = await startStack({ env: { SLIPWAY_IDLE_TIMEOUT_MS: '200' } })
      await using writer = await topicWriter(stack.addresses['kafka'] as string)
      const { records, carts, browsed } = unevenTraffic(Date.now() - 10 * hourMs)
      const processor = stack.pidOf('processor')
      process.kill(processor, 'SIGSTOP')
      await writer.write(records)
      process.kill(processor, 'SIGCONT')
      await stack.settle(240_000)
      const all = await verdicts(stack)
      expect(all.filter(({ status }) => status !== 'abandoned')).toEqual([])
      expect(all.filter(({ revision }) => revision > 0)).toEqual([])
      expect(all.map(({ abandonedAt }) => abandonedAt)).toEqual(
        carts.map((addedMs) => isoTime(addedMs + browsed + hourMs)),
      )
    },
  )
})

/**
 * Carts on the laptops of people whose phones go on browsing until shortly before the deadline: the laptops are in
 * partitions 1 to 3, the phones in partition 0, behind so many views of others that they take many fetches.
 */
function unevenTraffic(startMs: number): { records: Writable[]; carts: number[]; browsed: number } {
  const people = 200
  const browsed = 50 * minuteMs
  const timed: { atMs: number; record: Writable }[] = []
  const carts: number[] = []
  for (let i = 0; i < people; i++) {
    const addedMs = startMs + i * minuteMs
    carts.push(addedMs)
    const laptop = written(`laptop-${i}`, 'add_to_cart', addedMs, addedMs, `user-${i}`)
    const phoneMs = addedMs + browsed
    const phone = written(`phone-${i}`, 'page_view', phoneMs, phoneMs, `user-${i}`)
    timed.push({ atMs: addedMs, record: { ...laptop, partition: 1 + (i % 3) } })
    timed.push({ atMs: phoneMs, record: { ...phone, partition: 0 } })
  }
  const lastMs = startMs + (people - 1) * minuteMs + browsed
  const views = people * 50
  for (let i = 0; i < views; i++) {
    const atMs = startMs + Math.floor((i * (lastMs - startMs)) / views)
    const view = written(`other-${i % 500}`, 'page_view', atMs, atMs, undefined, `view-${i}`)
    timed.push({ atMs, record: { ...view, partition: 0 } })
  }
  timed.sort((a, b) => a.atMs - b.atMs)
  return { records: timed.map(({ record }) => record), carts, browsed }
}

function written(
  visitor: string,
  name: string,
  eventMs: number,
  receivedMs: number,
  userId?: string,
  eventId = `${visitor}-${name}`,
): Writable {
  const event = {
    schemaVersion: '1.0',
    eventId,
    name,
    eventTime: isoTime(eventMs),
    receivedAt: isoTime(receivedMs),
    source: 'web',
    dialect: 'native',
    anonymousId: visitor,
    userId,
    data: name === 'add_to_cart' ? { items: [item], currency: 'EUR' } : {},
  }
  return { key: visitor, value: JSON.stringify(event) }
}

async function collect(stack: Stack, visitor: string, name: string, atMs: number): Promise<void> {
  await stack.post('shop', '/v1/events', {
    name,
    eventId: `${visitor}-${name}`,
    eventTime: isoTime(atMs),
    anonymousId: visitor,
    source: 'web',
    data: name === 'add_to_cart' ? { items: [item], currency: 'EUR' } : {},
  })
}

/** Every record there ever was, by the time of its verdict. */
async function verdicts(stack: Stack): Promise<Verdict[]> {
  const records = await readTopic(stack.addresses['kafka'] as string, 'cart-abandonment')
  return records
    .flatMap(({ value }) => (value === null ? [] : [JSON.parse(value) as Verdict]))
    .sort((a, b) => Date.parse(a.abandonedAt) - Date.parse(b.abandonedAt))
}

function waitedMs(verdict: Verdict | undefined): number {
  if (verdict === undefined) return Infinity
  return Date.parse(verdict.processedAt) - Date.parse(verdict.abandonedAt)
}
