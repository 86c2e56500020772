// Figures of the registry asked of a dashboard twice: of history, and of BigQuery as of the same row. Plain, by grain, by
// each dimension, and with filters.

import type { GoogleTarget } from '#stack/google/target.ts'
import { dayMs } from '#stack/base/units.ts'
import { metricIds, metrics } from '#stack/contract/metrics.ts'
import type { MetricAnswer, MetricId } from '#stack/contract/metrics.ts'
import type { CloudLine, CloudQuestion } from '#ui/start.ts'
import { startUi } from '#ui/start.ts'
import type { Stack } from '../fixtures/stack.ts'

export interface FigureOfBoth {
  question: CloudQuestion
  history: MetricAnswer
  cloud: MetricAnswer | undefined
  /** What was said instead of an answer. */
  said: string
}

/** A metric plain, by day over the change of the clocks, by a dimension, and by hour with filters. */
export function questionsOf(id: MetricId): CloudQuestion[] {
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

export async function figuresOfBoth(
  stack: Stack,
  { target, dataset }: { target: GoogleTarget; dataset: string },
  questions: readonly CloudQuestion[] = metricIds.flatMap(questionsOf),
): Promise<FigureOfBoth[]> {
  const ui = await startUi({
    host: '127.0.0.1',
    port: 0,
    brokers: [stack.addresses['kafka'] as string],
    partitions: 4,
    historyUrl: stack.addresses['history'] as string,
    cloud: { target, dataset },
    controls: {},
  })
  try {
    const asked: FigureOfBoth[] = []
    for (const question of questions) {
      const history = await stack.get<MetricAnswer>('history', pathOf(question))
      const { asOfSeq, watermark } = history
      const asOf = { seq: asOfSeq, watermark }
      asked.push({ question: { ...question, asOf }, history, cloud: undefined, said: 'nothing' })
    }
    for (let from = 0; from < asked.length; from += togetherMax) {
      const some = asked.slice(from, from + togetherMax)
      const body = JSON.stringify({ questions: some.map(({ question }) => question) })
      const response = await fetch(`${ui.addresses.dashboard}/api/cloud/metrics`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      })
      for (const text of (await response.text()).split('\n')) {
        if (text === '') continue
        const line = JSON.parse(text) as CloudLine
        if (line.kind === 'done' || line.kind === 'estimate') continue
        const figure = some[line.index]
        if (!figure) throw new Error(`an answer nobody asked for: ${text}`)
        figure.said = text.slice(0, 300)
        if (line.kind === 'answer') figure.cloud = line.answer
      }
    }
    return asked
  } finally {
    await ui.close()
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
