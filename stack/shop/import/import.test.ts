// Files into the log: read as their publishers wrote them, in the order of receipt, once.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, test } from 'vitest'
import { ManualClock, systemClock } from '#stack/base/clock.ts'
import { isoTime } from '#stack/base/units.ts'
import { decodeEvent } from '#stack/contract/decode.ts'
import type { ShopEvent } from '#stack/contract/events.ts'
import { compareBytes } from '#stack/contract/order.ts'
import { loadEndHeader, loadHeader, topics } from '#stack/contract/topics.ts'
import { importFiles } from './import-files.ts'
import type { ImportOptions, ImportResult } from './import-files.ts'
import { SortedRuns } from './sorted-runs.ts'
import { MemoryKafka } from './testing.ts'

const shared = join(process.env['SLIPWAY_SHARED'] ?? '../shared', 'data')
const nowMs = Date.parse('2024-05-06T10:00:00.000Z')

const folders: string[] = []
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })))

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'slipway-import-'))
  folders.push(path)
  return path
}

function fileOf(content: string | Uint8Array, name = 'events.ndjson'): string {
  const path = join(folder(), name)
  writeFileSync(path, content)
  return path
}

const lines = (...values: unknown[]) => values.map((value) => `${JSON.stringify(value)}\n`).join('')

async function run(
  files: string[],
  options: Partial<ImportOptions> & { memory?: MemoryKafka } = {},
): Promise<ImportResult & { memory: MemoryKafka }> {
  const { memory = new MemoryKafka(), ...others } = options
  const result = await importFiles({
    files,
    kafka: memory.port,
    partitions: 4,
    dir: folder(),
    clock: new ManualClock(nowMs),
    ...others,
  })
  return { ...result, memory }
}

function events(memory: MemoryKafka): ShopEvent[] {
  return memory.records(topics.events.name).flatMap(({ value }) => {
    if (value === '') return []
    const decoded = decodeEvent(String(value))
    if (!decoded.ok) throw new Error(decoded.message)
    if (JSON.stringify(decoded.event) !== value) throw new Error(`not canonical: ${String(value)}`)
    return [decoded.event]
  })
}

const view = (eventId: string, time: string, fields: object = {}) => ({
  schemaVersion: '1.0',
  eventId,
  name: 'page_view',
  eventTime: time,
  receivedAt: time,
  source: 'web',
  dialect: 'native',
  anonymousId: 'A',
  data: {},
  ...fields,
})
const at = (seconds: number) => isoTime(nowMs + seconds * 1000)

describe('canonical lines', () => {
  test('are written in the order of receipt, with the load on each and an end per partition', async () => {
    const path = fileOf(lines(view('b', at(2)), view('a', at(1)), view('c', at(3))))
    const { memory, loadId, ...result } = await run([path])
    expect(result).toMatchObject({ isDone: true, written: 3, firstAt: at(1), lastAt: at(3) })
    expect(events(memory).map(({ eventId }) => eventId)).toEqual(['a', 'b', 'c'])
    for (const partition of memory.partitionsByTopic.get(topics.events.name) ?? []) {
      expect(partition.every(({ headers }) => headers?.[loadHeader] === loadId)).toBe(true)
      expect(partition.filter(({ headers }) => headers?.[loadEndHeader])).toEqual([
        partition.at(-1),
      ])
      expect(partition.at(-1)?.value).toBe('')
    }
    const [record] = memory.records(topics.events.name).filter(({ value }) => value !== '')
    expect(record).toMatchObject({ key: 'A', headers: { ce_type: 'shop.page_view.v1' } })
  })

  test('keep receivedAt; without one an event was received when it happened', async () => {
    const late = view('a', at(1), { eventTime: at(-60) })
    const path = fileOf(lines(late, view('b', at(0), { receivedAt: undefined })))
    const { memory } = await run([path])
    const times = events(memory).map(({ eventTime, receivedAt }) => [eventTime, receivedAt])
    expect(times).toEqual([
      [at(0), at(0)],
      [at(-60), at(1)],
    ])
  })

  test('that are no event go to rejected-events with their reason; the others are written', async () => {
    const path = fileOf(
      `${lines(view('a', at(1)), view('b', 'x'))}{"half\n\n${lines(view('c', at(2)))}`,
    )
    const { memory, tally } = await run([path])
    expect(events(memory)).toHaveLength(2)
    expect(tally).toMatchObject({ read: 4, events: 2, rejected: { bad_time: 1, not_json: 1 } })
    const rejected = memory
      .records(topics.rejected.name)
      .map(({ value }) => JSON.parse(String(value)))
    expect(rejected).toMatchObject([
      { stage: 'collector', reason: 'bad_time', field: 'eventTime' },
      { stage: 'collector', reason: 'not_json', body: '{"half' },
    ])
  })

  test('of several files are one stream in the order of receipt; gzip is read', async () => {
    const one = fileOf(gzipSync(lines(view('a', at(1)), view('c', at(3)))), 'one.ndjson.gz')
    const two = fileOf(lines(view('b', at(2))))
    const { memory } = await run([one, two])
    expect(events(memory).map(({ eventId }) => eventId)).toEqual(['a', 'b', 'c'])
  })

  test('may be shifted as a whole, so that the last was received now', async () => {
    const path = fileOf(lines(view('a', at(-7200), { sentAt: at(-7199) }), view('b', at(-3600))))
    const { memory } = await run([path], { rebase: true })
    expect(events(memory)).toMatchObject([
      { eventTime: at(-3600), receivedAt: at(-3600), sentAt: at(-3599) },
      { eventTime: at(0), receivedAt: at(0) },
    ])
  })
})

describe('a log that holds something', () => {
  const old = () => fileOf(lines(view('old', at(-25 * 3600))))
  const used = async () => (await run([fileOf(lines(view('first', at(0))))])).memory

  test('takes no events that it has closed; the two ways out are named', async () => {
    await expect(run([old()], { memory: await used() })).rejects.toMatchObject({
      message: expect.stringContaining('already closed'),
      hint: expect.stringMatching(/--data.*--rebase/),
    })
  })

  test('takes them shifted, and recent ones as they are', async () => {
    const memory = await used()
    expect(await run([old()], { memory, rebase: true })).toMatchObject({ isDone: true })
    const recent = fileOf(lines(view('recent', at(-23 * 3600))))
    expect(await run([recent], { memory })).toMatchObject({ isDone: true })
    expect(events(memory)).toHaveLength(3)
  })
})

describe('an import that is interrupted', () => {
  const many = () => fileOf(lines(...Array.from({ length: 5000 }, (_, i) => view(`e${i}`, at(i)))))

  test('goes on where it was when the broker comes back, with the same load and shift', async () => {
    const memory = new MemoryKafka()
    memory.onSend = (sends) => {
      if (sends === 2) throw new Error('broker gone')
    }
    const dir = folder()
    const path = many()
    await expect(run([path], { memory, dir, rebase: true })).rejects.toThrow('broker gone')
    expect(events(memory)).toHaveLength(2000)
    const clock = new ManualClock(nowMs + 60_000)
    const result = await run([path], { memory, dir, clock, rebase: true })
    expect(result).toMatchObject({ isDone: true, written: 5000, lastAt: at(0) })
    expect(new Set(events(memory).map(({ eventId }) => eventId)).size).toBe(5000)
    const loads = memory.records(topics.events.name).map(({ headers }) => headers?.[loadHeader])
    expect(new Set(loads).size).toBe(1)
  })

  test('by a signal stops between two batches, and closes no load', async () => {
    const memory = new MemoryKafka()
    const stop = new AbortController()
    memory.onSend = () => stop.abort()
    const result = await run([many()], { memory, signal: stop.signal })
    expect(result.isDone).toBe(false)
    expect(result.written).toBeLessThan(5000)
    const ends = memory.records(topics.events.name).filter(({ value }) => value === '')
    expect(ends).toEqual([])
  })

  test('finished and run again is an import of its own', async () => {
    const dir = folder()
    const path = many()
    const first = await run([path], { dir, clock: systemClock })
    const clock = new ManualClock(nowMs + 60_000)
    const second = await run([path], { dir, clock, memory: first.memory })
    expect(second.loadId).not.toBe(first.loadId)
    expect(second.written).toBe(5000)
  })
})

test('at a speed the pauses of the events are kept, divided', async () => {
  const path = fileOf(lines(view('a', at(0)), view('b', at(60)), view('c', at(60.5))))
  const memory = new MemoryKafka()
  const clock = new ManualClock(nowMs)
  const sentAtMs: number[] = []
  memory.onSend = () => void sentAtMs.push(clock.now() - nowMs)
  const done = run([path], { memory, clock, speed: 60 })
  await expect.poll(() => sentAtMs.length).toBe(1)
  clock.advance(999)
  expect(sentAtMs).toEqual([0])
  clock.advance(1)
  await done
  // The load's end is a send of its own.
  expect(sentAtMs).toEqual([0, 1000, 1000])
})

describe('sorted runs', () => {
  test('give every entry once, in order, equal ones as they came, however many runs there are', async () => {
    for (const runBytes of [1, 500, 1_000_000]) {
      await using runs = new SortedRuns(folder(), runBytes)
      const entries = Array.from({ length: 300 }, (_, i) => ({
        receivedMs: (i * 7919) % 40,
        payload: `payload ${i} €`,
      }))
      for (const entry of entries) await runs.add(entry)
      const read = []
      for await (const entry of runs.read()) read.push(entry)
      expect(read).toEqual(entries.toSorted((a, b) => a.receivedMs - b.receivedMs))
    }
  })
})

test('a file of no known form is refused with the forms that are known', async () => {
  await expect(run([fileOf('{"a":1}\n')])).rejects.toMatchObject({
    hint: expect.stringContaining('--format canonical|ga4|snowplow|otto|online-retail'),
  })
  await expect(run([fileOf('')])).rejects.toThrow('cannot be seen')
})

test('a row of the GA4 export is read like the Measurement Protocol', async () => {
  const row = {
    event_date: '20240506',
    event_timestamp: String(nowMs * 1000 + 999),
    event_name: 'purchase',
    user_pseudo_id: '1.2',
    event_bundle_sequence_id: '7',
    event_params: [
      { key: 'ga_session_id', value: { string_value: null, int_value: '42' } },
      { key: 'currency', value: { string_value: 'EUR' } },
      { key: 'page_location', value: { string_value: 'https://shop.example/thanks' } },
    ],
    privacy_info: { analytics_storage: 'Yes', ads_storage: 'No' },
    device: { category: 'mobile', language: 'de-de' },
    ecommerce: { transaction_id: 'T', purchase_revenue: 19.99, tax_value: 3.2 },
    items: [{ item_id: 'P', item_name: 'Shirt', price: 19.99, quantity: '1' }],
  }
  const path = fileOf(lines(row, { ...row, event_bundle_sequence_id: '8' }))
  const [event, other] = events((await run([path])).memory)
  expect(event).toMatchObject({
    name: 'purchase',
    dialect: 'ga4',
    source: 'ga4',
    eventTime: at(0),
    receivedAt: at(0),
    anonymousId: '1.2',
    sessionId: '42',
    context: {
      locale: 'de-de',
      page: { url: 'https://shop.example/thanks' },
      consent: { analytics: true, marketing: false },
    },
    data: {
      orderId: 'T',
      currency: 'EUR',
      itemsTotalMinor: 1999,
      taxMinor: 320,
      items: [{ productId: 'P', unitPriceMinor: 1999, quantity: 1 }],
    },
    extra: { device: { category: 'mobile' } },
  })
  expect(other?.eventId).not.toBe(event?.eventId)
})

describe.skipIf(!existsSync(shared))(`real data in ${shared}`, () => {
  test('Snowplow web: times, people and sessions as its publisher has them', async () => {
    const { memory, tally } = await run([join(shared, 'snowplow-web/events.jsonl')])
    const all = events(memory)
    expect(tally).toMatchObject({ read: 160, events: 160, rejected: {} })
    expect(new Set(all.map(({ source, eventId }) => `${source} ${eventId}`)).size).toBe(157)
    const first = all.find(({ eventId }) => eventId === '9e983d4a-e07c-4858-8e97-bdb7feb31241')
    expect(first).toMatchObject({
      name: 'custom',
      customName: 'link_click',
      eventTime: '2021-03-03T21:27:32.695Z',
      receivedAt: '2021-03-03T21:27:32.696Z',
      extra: { pageViewId: '56a57f9a-b515-4774-a09f-4ab98f9032f3' },
    })
    const views = all.filter(({ name }) => name === 'page_view')
    expect(views).toHaveLength(50)
    expect(all.filter(({ customName }) => customName === 'page_ping')).toHaveLength(8)
    // Hashed addresses are none.
    expect(all.some(({ context }) => context?.ip !== undefined)).toBe(false)
  })

  test('Snowplow web: 13 of its 18 published sessions come out of the events alone', async () => {
    const { memory } = await run([join(shared, 'snowplow-web/events.jsonl')])
    const seen = new Map<string, ShopEvent>()
    for (const event of events(memory).sort((a, b) => (a.receivedAt < b.receivedAt ? -1 : 1))) {
      if (!seen.has(event.eventId)) seen.set(event.eventId, event)
    }
    const ours = Map.groupBy(seen.values(), ({ sessionId }) => sessionId)
    const [head = '', ...rows] = readFileSync(
      join(shared, 'snowplow-web/expected/sessions.csv'),
      'utf8',
    )
      .trim()
      .split('\n')
    const column = (row: string, name: string) => row.split(',')[head.split(',').indexOf(name)]
    const isEqual = (row: string) => {
      const session = ours.get(column(row, 'domain_sessionid')) ?? []
      const times = session.map(({ eventTime }) => eventTime).sort(compareBytes)
      const views = session.filter(({ name }) => name === 'page_view')
      const published = (name: string) => `${column(row, name)?.replace(' ', 'T')}Z`
      return (
        times[0] === published('start_tstamp') &&
        times.at(-1) === published('end_tstamp') &&
        String(new Set(views.map(({ extra }) => extra?.['pageViewId'])).size) ===
          column(row, 'page_views') &&
        String(session.length) === column(row, 'total_events')
      )
    }
    expect([rows.length, rows.filter(isEqual).length]).toEqual([18, 13])
  })

  test('OTTO: clicks, carts and orders of 20 visitors', async () => {
    const { memory, tally } = await run([join(shared, 'otto/sessions.jsonl')])
    const counts = Object.groupBy(events(memory), ({ name }) => name)
    expect(tally.read).toBe(20)
    expect(counts.view_item).toHaveLength(800)
    expect(counts.add_to_cart).toHaveLength(52)
    const bought = counts.purchase?.flatMap(({ data }) => data.items ?? [])
    expect(bought).toHaveLength(10)
    expect(counts.purchase?.[0]?.data).toMatchObject({ currency: 'EUR' })
  })

  test('Online Retail II: every line is in an order, in a refund or counted as left out', async () => {
    const path = join(shared, 'uci-online-retail-ii/online_retail_ii_2009_2010.parquet')
    const { memory, tally } = await run([path])
    // The reader has judged every event; here a few are enough.
    const records = memory.records(topics.events.name).filter(({ value }) => value !== '')
    const all = records.map(({ value }) => JSON.parse(String(value)) as ShopEvent)
    expect(records.slice(0, 100).every(({ value }) => decodeEvent(String(value)).ok)).toBe(true)
    const orders = all.filter(({ name }) => name === 'purchase')
    const refunds = all.filter(({ name }) => name === 'refund')
    expect(tally).toMatchObject({ read: 525_461, events: 25_542, rejected: {} })
    const soldLines = orders.reduce((sum, { data }) => sum + (data.items?.length ?? 0), 0)
    const left = tally.leftOut
    expect(soldLines + (left['lines that sell nothing'] ?? 0)).toBe(525_461 - 10_206 - 3)
    expect(left).toEqual({
      'lines of bad-debt invoices': 3,
      'lines that sell nothing': 3687,
      'invoices without a line that sells': 3270,
      'cancellations that take money instead of giving it back': 1,
    })
    expect([orders.length, refunds.length]).toEqual([20_951, 4591])
    expect(Math.max(...orders.map(({ data }) => data.items?.length ?? 0))).toBe(675)
    const gross = orders.flatMap(({ data }) => data.items ?? [])
    const pence = gross.reduce((sum, { quantity, unitPriceMinor }) => {
      return sum + (quantity ?? 0) * (unitPriceMinor ?? 0)
    }, 0)
    expect(pence).toBe(1_030_589_201)
    expect(orders.find(({ eventId }) => eventId === '489434')).toMatchObject({
      eventTime: '2009-12-01T07:45:00.000Z',
      userId: '13085',
      data: { orderId: '489434', currency: 'GBP' },
      extra: { country: 'United Kingdom' },
    })
    expect(orders.some(({ anonymousId }) => anonymousId?.startsWith('invoice:'))).toBe(true)
  }, 120_000)
})
