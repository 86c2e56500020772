// What is read together, what is dry run first, and what waits for somebody's word.

import { describe, expect, test } from 'vitest'
import { systemClock } from '../../../stack/base/clock.ts'
import { defaultSettings } from '../../../stack/contract/settings.ts'
import type { BigQueryClients } from '../../../stack/google/bigquery.ts'
import { Reading, WaitsForWord } from './reading.ts'

/** BigQuery in which each statement reads so many bytes. */
class FakeBigQuery {
  readonly estimated: string[] = []
  readonly run: string[] = []
  readonly bytes: number

  constructor(bytes: number) {
    this.bytes = bytes
  }

  async createQueryJob({ query, dryRun }: { query: string; dryRun: boolean }) {
    if (!dryRun) throw new Error('only dry runs come here')
    this.estimated.push(query)
    return [{ metadata: { statistics: { totalBytesProcessed: String(this.bytes) } } }]
  }

  async query({ query }: { query: string }) {
    this.run.push(query)
    const rows = [...query.matchAll(/SELECT (\d+) AS question/g)].map(([, question]) => ({
      question: Number(question),
      part: 'numerator',
      bucket: -1,
      dimension: null,
      amount: Number(question),
    }))
    return [rows, null, { cacheHit: true, totalBytesBilled: String(this.bytes) }]
  }
}

const reading = (fake: FakeBigQuery, part: { limitBytes?: number; isApproved?: boolean } = {}) =>
  new Reading({
    client: fake as unknown as BigQueryClients['client'],
    datasetId: 'slipway',
    settings: defaultSettings,
    clock: systemClock,
    limitBytes: 1000,
    atOnceMax: 4,
    isApproved: false,
    ...part,
  })
const text = (n: number) =>
  `SELECT 'numerator' AS part, -1 AS bucket, '${n}' AS dimension, 1 AS amount FROM orders`
const texts = Array.from({ length: 11 }, (_, i) => text(i))
const asOf = { epoch: 1, toSeq: 9 }

describe('texts asked at once', () => {
  test('are eight to a statement, each once, each with its own cells', async () => {
    const fake = new FakeBigQuery(100)
    const one = reading(fake)
    const cells = await Promise.all([...texts, ...texts].map((each) => one.cells(each, asOf)))
    expect(fake.run).toHaveLength(2)
    expect(cells.map(([cell]) => cell?.amount)).toEqual(
      [...texts, ...texts].map((_, i) => (i % 11) % 8),
    )
    expect(one.spent).toEqual({ estimatedBytes: 200, billedBytes: 200, statements: 2, cached: 2 })
  })
  test('as of different rows are different statements', async () => {
    const fake = new FakeBigQuery(1)
    const one = reading(fake)
    await Promise.all([one.cells(text(1), asOf), one.cells(text(1), { ...asOf, toSeq: 10 })])
    expect(fake.run.map((sql) => /_seq <= (\d+)/.exec(sql)?.[1])).toEqual(['9', '10'])
  })
})

describe('what would read more than the limit', () => {
  test('is not run until somebody says so', async () => {
    const fake = new FakeBigQuery(600)
    const one = reading(fake)
    const answers = await Promise.allSettled(texts.map((each) => one.cells(each, asOf)))
    expect(answers.every(({ status }) => status === 'rejected')).toBe(true)
    expect((answers[0] as PromiseRejectedResult).reason).toBeInstanceOf(WaitsForWord)
    expect([fake.estimated.length, fake.run.length]).toEqual([2, 0])
    expect(one.spent.estimatedBytes).toBe(1200)
    const approved = reading(fake, { isApproved: true })
    await Promise.all(texts.map((each) => approved.cells(each, asOf)))
    expect(fake.run).toHaveLength(2)
  })
  test('is more than the limit, not the limit', async () => {
    const fake = new FakeBigQuery(600)
    await reading(fake, { limitBytes: 600 }).cells(text(1), asOf)
    expect(fake.run).toHaveLength(1)
  })
})
