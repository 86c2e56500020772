// Snowplow's test set and OTTO's sample through import, topic, processor and history: exact in what the rules cover,
// however the files are ordered and however many partitions there are.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { Random } from '#stack/base/random.ts'
import { isoTime } from '#stack/base/units.ts'
import { startStack } from '../fixtures/stack.ts'
import type { Stack } from '../fixtures/stack.ts'
import { checkSessions } from './sessions-by-hand.ts'
import { closeAll, hasSharedData, importFiles, outcomeOf, sharedFile } from './shared-data.ts'

const otto = sharedFile('otto/sessions.jsonl')
const snowplow = sharedFile('snowplow-web/events.jsonl')
const dir = mkdtempSync(join(tmpdir(), 'slipway-real-'))
afterAll(() => rmSync(dir, { recursive: true }))

/** As the files are in the first number of partitions, shuffled in each of the others. */
export function realDataInPartitions(first: number, others: readonly number[]): void {
  test.skipIf(!hasSharedData)(
    `Snowplow web and OTTO come out right in ${first} partitions${others.map((count) => `, the same in ${count} and shuffled`).join('')}`,
    { timeout: 600_000 },
    async () => {
      const outcome = await run(first, [snowplow, otto])
      for (const rows of Object.values(outcome)) expect(rows.length).toBeGreaterThan(0)
      for (const partitions of others) {
        const files = [shuffled(snowplow, partitions), shuffled(otto, partitions)]
        expect(await run(partitions, files)).toEqual(outcome)
      }
    },
  )
}

async function run(partitions: number, files: string[]): ReturnType<typeof outcomeOf> {
  await using stack = await startStack({
    args: ['--no-demo', '--partitions', String(partitions)],
  })
  const imported = await importFiles(stack, files)
  expect(imported.rejected).toEqual({})
  await closeAll(stack, 60_000)
  await checkSnowplow(stack)
  await checkOtto(stack)
  await checkSessions(stack)
  return await outcomeOf(stack)
}

/** The lines in another order; only copies of one event keep theirs, since the first of them is kept (T4). */
function shuffled(path: string, seed: number): string {
  const lines = readFileSync(path, 'utf8').trim().split('\n')
  const idOf = (line: string) => /"event_id":"([^"]+)"/.exec(line)?.[1] ?? line
  const copies = Map.groupBy(lines, idOf)
  const random = new Random(`shuffle/${seed}`)
  const order = lines
    .map((line) => ({ line, at: random.int(1_000_000) }))
    .sort((one, other) => one.at - other.at)
    .map(({ line }) => copies.get(idOf(line))?.shift() as string)
  const shuffledPath = join(dir, `${seed}-${path.replaceAll('/', '-')}`)
  writeFileSync(shuffledPath, `${order.join('\n')}\n`)
  return shuffledPath
}

interface EventRow {
  source: string
  name: string
  event_time: string
  producer_session_id: string | null
  extra: { pageViewId?: string } | null
}

/** Grouped by the producer's session id; a page view is a distinct page view id (scenario 67). */
function snowplowSessions(events: readonly EventRow[]): string[] {
  const own = events.filter(({ source }) => source === 'snowplow')
  return [...Map.groupBy(own, (event) => event.producer_session_id)].map(([session, rows]) => {
    const times = rows.map(({ event_time }) => Date.parse(event_time)).sort((a, b) => a - b)
    const views = rows
      .filter(({ name }) => name === 'page_view')
      .map(({ extra }) => extra?.pageViewId)
    const [start, end] = [times[0], times.at(-1)].map((ms) => isoTime(ms as number))
    return [session, start, end, new Set(views).size, rows.length].join(' ')
  })
}

async function checkSnowplow(stack: Stack): Promise<void> {
  const published = readFileSync(sharedFile('snowplow-web/expected/sessions.csv'), 'utf8')
  const [header = [], ...lines] = published
    .trim()
    .split('\n')
    .map((line) => line.split(','))
  const expected = lines.map((cells) => {
    const cell = (name: string) => cells[header.indexOf(name)] as string
    const time = (name: string) => isoTime(Date.parse(`${cell(name).replace(' ', 'T')}Z`))
    return [
      cell('domain_sessionid'),
      time('start_tstamp'),
      time('end_tstamp'),
      cell('page_views'),
      cell('total_events'),
    ].join(' ')
  })
  const found = new Set(snowplowSessions(await stack.rows<EventRow>('events')))
  expect(expected).toHaveLength(18)
  expect(expected.filter((session) => found.has(session))).toHaveLength(13)
}

interface OttoLine {
  session: number
  events: { ts: number; type: 'clicks' | 'carts' | 'orders' }[]
}

/** Of the whole set, by its publisher: 194,720,954 clicks, 16,896,191 carts, 5,098,951 orders. */
const cartsPerClick = 16_896_191 / 194_720_954

async function checkOtto(stack: Stack): Promise<void> {
  const lines = readFileSync(otto, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as OttoLine)
  const rows = lines.flatMap(({ session, events }) => events.map((row) => ({ session, ...row })))
  const count = (type: string) => rows.filter((row) => row.type === type).length
  const orders = rows.filter(({ type }) => type === 'orders')
  const purchases = new Set(orders.map(({ session, ts }) => `${session}/${ts}`)).size
  const events = (await stack.rows<EventRow>('events')).filter(({ source }) => source === 'otto')
  const named = (name: string) => events.filter((event) => event.name === name).length
  expect([named('add_to_cart'), named('purchase'), named('view_item'), events.length]).toEqual([
    count('carts'),
    purchases,
    count('clicks'),
    count('carts') + purchases + count('clicks'),
  ])
  expect(await stack.rows('orders')).toHaveLength(purchases)
  expect(await stack.rows('order_lines')).toHaveLength(orders.length)
  const ratio = count('carts') / count('clicks') / cartsPerClick
  expect(ratio).toBeGreaterThan(1 / 3)
  expect(ratio).toBeLessThan(3)
  const carts = await stack.rows<{ state: string }>('carts')
  expect([...new Set(carts.map(({ state }) => state))].sort()).toEqual([
    'converted',
    'lost',
    'recovered',
  ])
}
