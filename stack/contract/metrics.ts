// The door to the metric registry: every figure of events.md 2.7 by its id, with its definition for people and its
// SQL for DuckDB and BigQuery.

import { cartMetrics } from './metrics/carts.ts'
import { metricIds } from './metrics/definition.ts'
import type { Metric, MetricId, MetricListing } from './metrics/definition.ts'
import { moneyMetrics } from './metrics/money.ts'
import { qualityMetrics } from './metrics/quality.ts'
import { visitMetrics } from './metrics/visits.ts'

export { dimensions, everyGrain, metricIds } from './metrics/definition.ts'
export type { Grain, Metric, MetricAnswer, MetricId, MetricListing } from './metrics/definition.ts'

export const metrics: Readonly<Record<MetricId, Metric>> = {
  ...moneyMetrics,
  ...visitMetrics,
  ...cartMetrics,
  ...qualityMetrics,
}

export function isMetricId(id: string): id is MetricId {
  return Object.hasOwn(metrics, id)
}

export function listMetrics(): MetricListing[] {
  return metricIds.map((id) => {
    const { title, formula, unit, denominator, grains, dimensions, perCurrency } = metrics[id]
    const isRatio = denominator !== undefined
    return { id, title, formula, unit, isRatio, grains, dimensions, perCurrency }
  })
}
