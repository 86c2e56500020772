// T7 over the running stack. The log of a live month, replayed twice on one partition, gives topics that are equal byte
// for byte except `processedAt`; and the live run, its rebuilt history and a replay hold the same after compaction.

import { execFile } from 'node:child_process'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'
import { dayMs, hourMs, isoTime } from '#stack/base/units.ts'
import { startStack } from '../fixtures/stack.ts'
import type { Stack, StackOptions } from '../fixtures/stack.ts'
import { outcomeOf } from './shared-data.ts'
import { readTopic } from './topic-reader.ts'
import type { TopicRecord } from './topic-reader.ts'
import { topicWriter } from './topic-writer.ts'

const input = 'ecommerce-events'
const outputs = [
  'enriched-user-events',
  'rejected-events',
  'user-sessions',
  'cart-episodes',
  'cart-abandonment',
]
const recordsOfMonth = 20_000
const settleMs = 300_000

type Topics = Record<string, TopicRecord[]>
type Outcome = Awaited<ReturnType<typeof outcomeOf>>

interface Run {
  topics: Topics
  outcome: Outcome
}

describe('replay', () => {
  let log: TopicRecord[] = []
  let live: Run
  let rebuilt: Outcome
  const replays: Run[] = []

  beforeAll(async () => {
    await using stack = await startStack()
    await liveMonth(stack)
    live = await runOf(stack)
    log = await readTopic(stack.addresses['kafka'] as string, input)
    await rebuild(stack)
    rebuilt = await outcomeOf(stack)
    const endMs = Math.max(...log.map(({ timestampMs }) => timestampMs))
    for (let i = 0; i < 2; i++) replays.push(await replay(log, endMs))
  }, 3_600_000)

  test('there is a month to replay, with verdicts, late events and rejections', () => {
    expect(log.length).toBeGreaterThanOrEqual(recordsOfMonth)
    for (const topic of outputs) expect(live.topics[topic]?.length).toBeGreaterThan(0)
  })

  test('a rebuilt history equals the one that was written live', () => {
    expect(firstDifferences(live.outcome, rebuilt)).toEqual({})
  })

  test('a replay on one partition equals the live run on four, in every table', () => {
    expect(firstDifferences(live.outcome, (replays[0] as Run).outcome)).toEqual({})
  })

  test.each(['user-sessions', 'cart-episodes', 'cart-abandonment'])(
    'a replay equals the live run after compaction: %s',
    (topic) => {
      const ofLive = compacted(live.topics[topic] ?? [])
      const ofReplay = compacted((replays[0] as Run).topics[topic] ?? [])
      expect(firstDifferences(ofLive, ofReplay)).toEqual({})
    },
  )

  test.each(outputs)('replayed twice on one partition, byte for byte: %s', (topic) => {
    const [first, second] = replays.map(({ topics }) => topics[topic] ?? [])
    expect(firstByteDifference(topic, first as TopicRecord[], second as TopicRecord[])).toBe('none')
  })
})

/** Past traffic, then the clock moved on in steps, as time would pass. */
async function liveMonth(stack: Stack): Promise<void> {
  await stack.post('dashboard', '/__test/seed', {
    scenario: 'calm',
    seed: 31,
    namespace: '',
    records: recordsOfMonth,
  })
  await stack.settle(settleMs)
  for (const advanceMs of [hourMs, hourMs, dayMs, 10 * dayMs]) {
    await stack.moveClock({ advanceMs })
    await stack.settle(settleMs)
  }
}

/**
 * The same records in one partition of a fresh stack, in the order of receipt. The log is there before the processor reads
 * any of it, as in every replay: it is written while the processor stands still, and read by the next one.
 */
async function replay(log: readonly TopicRecord[], endMs: number): Promise<Run> {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'slipway-replay-'))
  const options = { dataDir: dir.path, args: ['--no-demo', '--partitions', '1'] }
  await write(log, options)
  await using stack = await startStack(options)
  await stack.settle(settleMs)
  // Silence counts from the last record that was read.
  await stack.moveClock({ now: isoTime(endMs + 20 * dayMs) })
  await stack.settle(settleMs)
  return await runOf(stack)
}

async function write(log: readonly TopicRecord[], options: StackOptions): Promise<void> {
  await using stack = await startStack(options)
  process.kill(stack.pidOf('processor'), 'SIGSTOP')
  await using writer = await topicWriter(stack.addresses['kafka'] as string)
  await writer.write(inOrderOfReceipt(log).map((record) => ({ ...record, partition: 0 })))
}

/** Each partition is in this order already; what does not say when it was received (the end of a load) keeps its place. */
function inOrderOfReceipt(log: readonly TopicRecord[]): TopicRecord[] {
  const receivedMs = new Map<TopicRecord, number>()
  const newestMs = new Map<number, number>()
  for (const record of log) {
    const { partition, value } = record
    const [, receivedAt = ''] = /"receivedAt":"([^"]*)"/.exec(value ?? '') ?? []
    const ms = Math.max(newestMs.get(partition) ?? 0, Date.parse(receivedAt) || 0)
    newestMs.set(partition, ms)
    receivedMs.set(record, ms)
  }
  const of = (record: TopicRecord): number => receivedMs.get(record) as number
  return log.toSorted((a, b) => of(a) - of(b) || a.partition - b.partition || a.offset - b.offset)
}

async function runOf(stack: Stack): Promise<Run> {
  const topics: Topics = {}
  for (const topic of outputs) {
    topics[topic] = await readTopic(stack.addresses['kafka'] as string, topic)
  }
  return { topics, outcome: await outcomeOf(stack) }
}

async function rebuild(stack: Stack): Promise<void> {
  const where = ['--data', stack.dataDir, '--port-offset', String(stack.portOffset), '--json']
  await promisify(execFile)(process.execPath, ['stack/slipway.ts', 'rebuild', ...where])
  await stack.settle(settleMs)
}

/** The last value of each key, without what T7 leaves open. */
function compacted(records: readonly TopicRecord[]): Record<string, unknown> {
  const last = new Map<string, unknown>()
  for (const { key, value } of records) {
    const name = key ?? ''
    if (value === null) last.delete(name)
    else {
      const { revision: _, processedAt: __, ...rest } = JSON.parse(value) as Record<string, unknown>
      if (rest['status'] === 'retracted') last.delete(name)
      else last.set(name, rest)
    }
  }
  return Object.fromEntries([...last].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Per table or key the first difference, with the field it is in. */
function firstDifferences(
  one: Record<string, unknown>,
  other: Record<string, unknown>,
): Record<string, string> {
  const names = [...new Set([...Object.keys(one), ...Object.keys(other)])]
  const different = names.flatMap((name) => {
    const found = firstDifference(one[name], other[name], '')
    return found === undefined ? [] : [[name, found] as const]
  })
  return Object.fromEntries(different.slice(0, 5))
}

/** Topic, offset and the first field that differs. */
function firstByteDifference(
  topic: string,
  one: readonly TopicRecord[],
  other: readonly TopicRecord[],
): string {
  for (let i = 0; i < Math.max(one.length, other.length); i++) {
    const found = firstDifference(comparable(one[i]), comparable(other[i]), '')
    if (found !== undefined)
      return `${topic} at offset ${one[i]?.offset ?? other[i]?.offset}: ${found}`
  }
  return 'none'
}

/** The value with its fields in their order, so that bytes are compared; `processedAt` is when it was processed. */
function comparable(record: TopicRecord | undefined): unknown {
  if (record === undefined) return undefined
  const { offset, key, value, headers } = record
  if (value === null || !value.startsWith('{')) return { offset, key, value, headers }
  const fields = JSON.parse(value) as Record<string, unknown>
  if ('processedAt' in fields) fields['processedAt'] = 'left out'
  return { offset, key, order: Object.keys(fields), value: fields, headers }
}

function firstDifference(one: unknown, other: unknown, path: string): string | undefined {
  if (Object.is(one, other)) return undefined
  if (isObject(one) && isObject(other)) {
    for (const name of new Set([...Object.keys(one), ...Object.keys(other)])) {
      const found = firstDifference(one[name], other[name], path === '' ? name : `${path}.${name}`)
      if (found !== undefined) return found
    }
    return undefined
  }
  return `${path}: ${JSON.stringify(one)} is ${JSON.stringify(other)}`
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
