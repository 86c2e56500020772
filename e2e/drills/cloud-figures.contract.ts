// What the dashboard says of the cloud is what history says: every metric of the registry, from BigQuery by Google's own
// client, in the shape, the buckets and the marks of history's answers; plain, by grain, by dimension, with filters.

import { isDeepStrictEqual } from 'node:util'
import { expect } from 'vitest'
import { dayMs } from '#stack/base/units.ts'
import { metricIds, metrics } from '#stack/contract/metrics.ts'
import type { MetricAnswer, MetricId } from '#stack/contract/metrics.ts'
import type { CloudLine, CloudQuestion } from '#ui/start.ts'
import type { Stack } from '../fixtures/stack.ts'

export async function everyFigureHasOneAnswer(stack: Stack): Promise<void> {
  let figures = await figuresOfBoth(stack, metricIds.flatMap(questionsOf))
  expect(figures.flatMap(({ cloud, said }) => (cloud ? [] : [said]))).toEqual([])
  const filled = figures.filter(({ history }) => history.numerator !== 0 || history.by.length > 0)
  expect(new Set(filled.map(({ history }) => history.id)).size).toBeGreaterThan(40)
  // While sessions still close, history may write as it answers: what differs is asked again.
  for (let round = 0; round < 3; round++) {
    const unequal = figures.filter(({ history, cloud }) => !isDeepStrictEqual(history, cloud))
    if (unequal.length === 0) break
    const again = unequal.map(({ question }) => question)
    figures = await figuresOfBoth(stack, again)
  }
  for (const { question, history, cloud } of figures) {
    expect([question, cloud]).toEqual([question, history])
  }
}

interface FigureOfBoth {
  question: CloudQuestion
  history: MetricAnswer
  cloud: MetricAnswer | undefined
  /** What was said instead of an answer. */
  said: string
}

/** A metric plain, by day over the change of the clocks, by a dimension, and by hour with filters. */
function questionsOf(id: MetricId): CloudQuestion[] {
  const { grains, dimensions, perCurrency } = metrics[id]
  const window = {
    // Cuts a quarter of an hour in two.
    from: new Date(untilMs - 9 * dayMs - 7 * 60_000).toISOString(),
    to: new Date(untilMs - dayMs).toISOString(),
  }
  const money = perCurrency ? { currency: 'EUR' } : {}
  // Neighbours take different ones, so that each dimension is asked for.
  const by = dimensions[metricIds.indexOf(id) % Math.max(1, dimensions.length)]
  const has = (filter: string) => dimensions.some((each) => filter.startsWith(`${each}:`))
  const filter = ['device:mobile', 'country:!NL', 'payment_method:!paypal'].filter(has)
  return [
    { id },
    {
      id,
      ...money,
      from: '2026-10-20',
      to: '2026-11-09',
      tz: 'America/New_York',
      ...(grains.includes('day') && { grain: 'day' }),
    },
    ...(by ? [{ id, ...window, ...money, by }] : []),
    ...(grains.includes('hour') ? [{ id, ...window, ...money, grain: 'hour', filter }] : []),
    ...(perCurrency ? [{ id, ...window, by: 'currency', grain: 'week' }] : []),
  ]
}

async function figuresOfBoth(
  stack: Stack,
  questions: readonly CloudQuestion[],
): Promise<FigureOfBoth[]> {
  const asked: FigureOfBoth[] = []
  for (const question of questions) {
    const history = await stack.get<MetricAnswer>('history', pathOf(question))
    const { asOfSeq, watermark } = history
    const asOf = { seq: asOfSeq, watermark }
    asked.push({ question: { ...question, asOf }, history, cloud: undefined, said: 'nothing' })
  }
  for (let from = 0; from < asked.length; from += togetherMax) {
    await askCloud(stack, asked.slice(from, from + togetherMax))
  }
  return asked
}

async function askCloud(stack: Stack, asked: readonly FigureOfBoth[]): Promise<void> {
  const response = await fetch(`${stack.addresses['dashboard']}/api/cloud/metrics`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ questions: asked.map(({ question }) => question) }),
  })
  for (const text of (await response.text()).split('\n')) {
    if (text === '') continue
    const line = JSON.parse(text) as CloudLine
    if (line.kind === 'done' || line.kind === 'estimate') continue
    const figure = asked[line.index]
    if (!figure) throw new Error(`an answer nobody asked for: ${text}`)
    figure.said = text.slice(0, 300)
    if (line.kind === 'answer') figure.cloud = line.answer
  }
}

const togetherMax = 100
/** The end of the month that is written. */
const untilMs = Date.parse('2026-11-10T12:00:00.000Z')

function pathOf({ id, filter = [], asOf: _, ...request }: CloudQuestion): string {
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries(request)) if (value) params.set(name, value)
  for (const each of filter) params.append('filter', each)
  return `/v1/metrics/${id}?${params.toString()}`
}
