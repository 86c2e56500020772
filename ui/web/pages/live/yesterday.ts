// Yesterday beside today: the same figures from history, for the hour that ended 24 hours ago, asked once a minute;
// and the purchases per minute of the same time on earlier days, for the band of what is usual.

import type { Accessor } from 'solid-js'
import { createMemo } from 'solid-js'
import type { MetricAnswer, MetricId } from '../../../../stack/contract/metrics/definition.ts'
import type { Query } from '../../parts/query.ts'
import { createQuery } from '../../parts/query.ts'
import { hourMs, minuteMs } from './figures.ts'

const dayMs = 24 * hourMs

export function metricUrl(
  id: MetricId,
  fromMs: number,
  toMs: number,
  further: Record<string, string> = {},
): string {
  const from = new Date(fromMs).toISOString()
  const params = new URLSearchParams({ from, to: new Date(toMs).toISOString(), ...further })
  return `/api/history/metrics/${id}?${params.toString()}`
}

/** A figure of the hour that ended `days` ago; the minute in which the page stands decides the address. */
export function hourBefore(
  id: MetricId,
  nowMs: Accessor<number | undefined>,
  further: Accessor<Record<string, string>>,
): Query<MetricAnswer> {
  const minute = createMemo(() => {
    const now = nowMs()
    return now === undefined ? undefined : Math.floor(now / minuteMs) * minuteMs
  })
  return createQuery<MetricAnswer>(() => {
    const at = minute()
    return at === undefined ? undefined : metricUrl(id, at - dayMs - hourMs, at - dayMs, further())
  })
}

export const bandDays = 8
const leastDays = 3

/** Orders per minute of the last hour on each of the days before. */
export function earlierDays(nowMs: Accessor<number | undefined>): Query<MetricAnswer>[] {
  const hour = createMemo(() => {
    const now = nowMs()
    // Asked for in stretches of ten minutes: eight answers need not be asked for each minute.
    return now === undefined ? undefined : Math.floor(now / (10 * minuteMs)) * 10 * minuteMs
  })
  return Array.from({ length: bandDays }, (_, i) =>
    createQuery<MetricAnswer>(() => {
      const at = hour()
      if (at === undefined) return undefined
      const toMs = at - (i + 1) * dayMs + 10 * minuteMs
      return metricUrl('orders', toMs - hourMs - 10 * minuteMs, toMs, { grain: 'minute' })
    }, 10 * minuteMs),
  )
}

export interface Usual {
  low: number
  high: number
}

/** Median ± 2 × 1.4826 × MAD of the earlier periods; undefined with fewer than three. */
export function usual(values: readonly number[]): Usual | undefined {
  if (values.length < leastDays) return undefined
  const middle = median(values)
  const spread = 2 * 1.4826 * median(values.map((value) => Math.abs(value - middle)))
  return { low: Math.max(0, middle - spread), high: middle + spread }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const half = sorted.length >> 1
  const upper = sorted[half] as number
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] as number) + upper) / 2
}

/** Per day: orders per second by the moment 24 hours (times n) later; only days that history reaches. */
export function perSecondByDay(
  answers: readonly (MetricAnswer | undefined)[],
): Map<number, number>[] {
  return answers.map((answer, i) => {
    const byMinute = new Map<number, number>()
    for (const bucket of answer?.buckets ?? []) {
      byMinute.set(Date.parse(bucket.from) + (i + 1) * dayMs, (bucket.value ?? 0) / 60)
    }
    return byMinute
  })
}
