import { expect, test } from 'vitest'
import { DomainClock, systemClock } from '../../stack/base/clock.ts'
import { hourMs, isoTime, secondMs } from '../../stack/base/units.ts'
import { topics } from '../../stack/contract/topics.ts'
import type { KafkaPort } from '../../stack/kafka-client/connect.ts'
import { Hono } from 'hono'
import { listenOn } from '../testing.ts'
import type { LiveFeed } from './live/feed.ts'
import { createSettle } from './settle.ts'

const nowMs = Date.parse('2026-03-02T10:00:00.000Z')

test('stages that are always one behind what still comes are settled up to what there was', async () => {
  await using stack = await busyStack({ isStuck: false })
  expect(await stack.settle(20 * secondMs)).toMatchObject({ settled: true, behind: [] })
  expect(stack.hurried).toEqual(new Set(['processor', 'history']))
})

test('a stage that does not get to what there was is named, and so is what it lacks', async () => {
  await using stack = await busyStack({ isStuck: true })
  const { settled, behind } = await stack.settle(secondMs / 2)
  expect(settled).toBe(false)
  expect(behind).toHaveLength(1)
  expect(behind[0]).toMatch(/carts by person: persons: slipway-carts-by-person-0 is \d+ behind/)
})

/** Every question finds one record more, and everybody has read all but that one. */
async function busyStack({ isStuck }: { isStuck: boolean }) {
  let end = 100
  const lane = (flushedOffset: number) => ({
    partitions: [{ partition: 0, nextOffset: flushedOffset, flushedOffset, watermark: iso(0) }],
  })
  const status = () => ({
    watermark: iso(0),
    hasOpenLoad: false,
    stages: {
      visitors: lane(++end - 2),
      'cart-owners': lane(end - 2),
      persons: lane(isStuck ? 100 : end - 2),
    },
  })
  const positions = () => ({
    inputs: [{ partition: 0, endOffset: ++end, completeTo: end - 1 }],
    partitions: [{ topic: topics.enriched.name, partition: 0, endOffset: end, committed: end - 1 }],
  })
  /** Who was told not to wait for more. */
  const hurried = new Set<string>()
  const part = (name: string) =>
    new Hono().post('/control/flush', (c) => c.json(hurried.add(name).size))
  const processor = await listenOn(
    part('processor').get('/status', (c) => c.json(status())).fetch,
    0,
  )
  const history = await listenOn(
    part('history').get('/v1/positions', (c) => c.json(positions())).fetch,
    0,
  )
  const domainClock = new DomainClock(systemClock)
  domainClock.moveTo(nowMs)
  const settle = createSettle({
    clock: systemClock,
    domainClock,
    settings: { idleTimeoutMs: hourMs, watermarkDelayMs: 0 },
    kafka: {
      admin: async () => ({ endOffsets: async () => [++end], close: async () => {} }),
    } as unknown as KafkaPort,
    feed: () =>
      ({
        positions: () =>
          Object.values(topics).map(({ name }) => ({
            topic: name,
            partition: 0,
            offset: ++end - 1,
          })),
      }) as unknown as LiveFeed,
    lastHeardMs: () => null,
    historyUrl: `http://127.0.0.1:${history.port}`,
    processor: `http://127.0.0.1:${processor.port}`,
  })
  return {
    hurried,
    settle: (timeoutMs: number) => settle(timeoutMs, new AbortController().signal),
    async [Symbol.asyncDispose]() {
      await Promise.all([processor.close(), history.close()])
    },
  }
}

function iso(ms: number): string {
  return isoTime(nowMs + ms)
}
