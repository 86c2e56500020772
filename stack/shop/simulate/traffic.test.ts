// Past traffic is written once, whatever happens on the way, and live traffic follows the shop's clock.

import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { DomainClock, ManualClock, systemClock } from '#stack/base/clock.ts'
import { OperatingError } from '#stack/base/errors.ts'
import { silentLogger } from '#stack/base/logger.ts'
import { loadCatalogue } from '#stack/contract/catalogue.ts'
import { loadEndHeader, loadHeader } from '#stack/contract/topics.ts'
import type { TopicRecords } from '#stack/kafka-client/producer.ts'
import type { OutgoingRecord } from '#stack/kafka-client/records.ts'
import { createSimulation } from './simulation.ts'
import { startTraffic } from './traffic.ts'
import type { Traffic } from './traffic.ts'

const openingMs = Date.parse('2026-06-10T12:00:00.000Z')
const partitions = 4
const catalogue = loadCatalogue()

describe('past traffic', () => {
  test('is the whole log up to now, marked as a load and closed on every partition', async () => {
    await using shop = openShop()
    await shop.until(() => shop.phase() === 'live')
    const loadIds = new Set(shop.written.map((record) => String(record.headers?.[loadHeader])))
    expect(loadIds.size).toBe(1)
    const ends = shop.written.filter((record) => record.headers?.[loadEndHeader] !== undefined)
    expect(ends.map(({ partition }) => partition)).toEqual([0, 1, 2, 3])
    expect(shop.written.slice(-partitions)).toEqual(ends)
    expect(ends.every(({ value }) => value === '')).toBe(true)
    expect(values(shop.written.slice(0, -partitions))).toEqual(await expectedValues())
  })

  test('is not written again by a second start, which goes on live', async () => {
    await using first = openShop()
    await first.until(() => first.phase() === 'live')
    await first.close()
    await using second = openShop({ dataDir: first.dataDir })
    await second.until(() => second.phase() === 'live')
    expect(second.written).toEqual([])
  })

  test('goes on after what was acknowledged when the shop was killed in the middle', async () => {
    const killed = openShop({ failAfter: 3, fails: 'for good' })
    await killed.until(() => killed.phase() === 'failed')
    await using second = openShop({ dataDir: killed.dataDir })
    await second.until(() => second.phase() === 'live')
    const all = [...killed.written, ...second.written]
    expect(new Set(values(all))).toEqual(new Set([...(await expectedValues()), '']))
    expect(second.written.length).toBeLessThan(all.length)
    const ids = new Set(all.map((record) => String(record.headers?.[loadHeader])))
    expect(ids.size).toBe(1)
  })

  test('waits for a broker that is away, and leaves no hole', async () => {
    await using shop = openShop({ failAfter: 2, fails: 'once' })
    await shop.until(() => shop.phase() === 'live')
    expect(values(shop.written.slice(0, -partitions))).toEqual(await expectedValues())
  })

  test('says how far it is, never backwards, to the end', async () => {
    const told: [done: number, total: number][] = []
    await using shop = openShop({ onProgress: (done, total) => told.push([done, total]) })
    await shop.until(() => shop.phase() === 'live')
    const shares = told.map(([done, total]) => done / total)
    expect(shares.length).toBeGreaterThan(2)
    expect(shares).toEqual(shares.toSorted((a, b) => a - b))
    expect(shares.at(-1)).toBe(1)
  })

  test('ends with the past when no live traffic is wanted', async () => {
    await using shop = openShop({ eventsPerSecond: 0 })
    await shop.until(() => shop.phase() === 'over')
    expect(shop.written.length).toBeGreaterThan(1000)
  })
})

describe('live traffic', () => {
  test('is the rest of the log, each record when its time has come', async () => {
    await using shop = openShop()
    await shop.until(() => shop.phase() === 'live')
    const before = shop.written.length
    await shop.advance(60_000)
    const live = shop.written.slice(before)
    expect(live.length).toBeGreaterThan(80)
    expect(live.every((record) => record.headers?.[loadHeader] === undefined)).toBe(true)
    const simulation = await createSimulation(simulationOptions)
    const expected: string[] = []
    for (const { receivedMs, event, body } of simulation.records()) {
      if (receivedMs > shop.nowMs()) break
      if (receivedMs > openingMs) expected.push(body ?? JSON.stringify(event))
    }
    expect(values(live)).toEqual(expected)
  })

  test('goes on from where the clock was moved to, and sends nothing of the time between', async () => {
    await using shop = openShop()
    await shop.until(() => shop.phase() === 'live')
    const before = shop.written.length
    shop.domainClock.advance(2 * 3_600_000)
    await shop.advance(10_000)
    const live = shop.written.slice(before)
    expect(live.length).toBeGreaterThan(5)
    const received = live.map(
      ({ value }) => /"receivedAt":"([^"]+)"/.exec(String(value))?.[1] ?? '',
    )
    const earliest = Math.min(
      ...received.filter((time) => time !== '').map((time) => Date.parse(time)),
    )
    expect(earliest).toBeGreaterThan(openingMs + 2 * 3_600_000 - 31_000)
  })

  test('loses what the broker refuses and says so, and goes on', async () => {
    await using shop = openShop()
    await shop.until(() => shop.phase() === 'live')
    const before = shop.written.length
    shop.failNext()
    await shop.advance(30_000)
    expect(shop.written.length).toBeGreaterThan(before)
  })
})

const simulationOptions = {
  seed: 9,
  profile: 'demo' as const,
  openingMs,
  days: 0.5,
  liveEventsPerSecond: 3,
  catalogue,
}

/** All that is received up to the opening, which is when these shops open. */
async function expectedValues(): Promise<string[]> {
  const simulation = await createSimulation(simulationOptions)
  const expected: string[] = []
  for (const { receivedMs, event, body } of simulation.records()) {
    if (receivedMs > openingMs) break
    expected.push(body ?? JSON.stringify(event))
  }
  return expected
}

interface OpenOptions {
  dataDir?: string
  eventsPerSecond?: number
  failAfter?: number
  fails?: 'once' | 'for good'
  onProgress?: (done: number, total: number) => void
}

/** A shop with its clock standing at the opening and a broker that remembers everything. */
function openShop(options: OpenOptions = {}) {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'slipway-traffic-'))
  const clock = new ManualClock(openingMs)
  const domainClock = new DomainClock(clock)
  const written: OutgoingRecord[] = []
  let sends = 0
  let failing = false
  const failure = () =>
    new OperatingError('the broker is away', { retriable: options.fails !== 'for good' })
  const traffic: Traffic = startTraffic({
    producer: {
      partitionCount: async () => partitions,
      send: async (batches: readonly TopicRecords[]) => {
        sends++
        const isDown =
          options.fails === 'once'
            ? sends === options.failAfter
            : sends > (options.failAfter ?? Infinity)
        if (isDown || failing) {
          failing = false
          throw failure()
        }
        for (const { records } of batches) written.push(...records)
      },
    },
    // Waiting is real, timers and time are not.
    clock: {
      now: () => clock.now(),
      monotonicMs: () => clock.monotonicMs(),
      after: (ms, run) => clock.after(ms, run),
      every: (ms, run) => clock.every(ms, run),
      sleep: () => systemClock.sleep(0),
    },
    domainClock,
    logger: silentLogger,
    catalogue,
    dataDir,
    seed: simulationOptions.seed,
    days: simulationOptions.days,
    eventsPerSecond: options.eventsPerSecond ?? simulationOptions.liveEventsPerSecond,
    ...(options.onProgress && { onProgress: options.onProgress }),
  })
  const turn = () => systemClock.sleep(0)
  return {
    dataDir,
    written,
    domainClock,
    nowMs: () => domainClock.now(),
    phase: () => traffic.status().phase,
    failNext: () => (failing = true),
    async until(condition: () => boolean) {
      while (!condition()) await turn()
    },
    async advance(ms: number) {
      for (let passed = 0; passed < ms; passed += 250) {
        clock.advance(250)
        await turn()
      }
    },
    close: () => traffic.close(),
    [Symbol.asyncDispose]: () => traffic.close(),
  }
}

function values(records: readonly OutgoingRecord[]): string[] {
  return records.map(({ value }) => String(value))
}
