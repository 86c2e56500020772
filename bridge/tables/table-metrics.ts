// What lane B counts, by table.

import type { Metrics } from '#stack/base/metrics.ts'

export interface ShipperCounts {
  sent: number
  retries: number
  errors: number
  dedupHits: number
  outOfRange: number
  streams: number
  loads: number
}

export const noCounts = (): ShipperCounts => ({
  sent: 0,
  retries: 0,
  errors: 0,
  dedupHits: 0,
  outOfRange: 0,
  streams: 0,
  loads: 0,
})

const helps: Record<keyof ShipperCounts, [name: string, help: string]> = {
  sent: ['sent_rows', 'Rows that landed in BigQuery.'],
  retries: ['retried_requests', 'Requests that were sent again.'],
  errors: ['refused_rows', 'Rows that went to the error lane.'],
  dedupHits: ['dedup_hits', 'Requests sent again whose rows were there already.'],
  outOfRange: ['out_of_range', 'Answers OUT_OF_RANGE: the stream was finalized to know.'],
  streams: ['streams', 'Write streams that were created.'],
  loads: ['loads', 'Load jobs that were begun.'],
}

export type CountRow = (table: string, what: keyof ShipperCounts, by: number) => void

export function tableMetrics(metrics: Metrics): CountRow {
  const counters = Object.entries(helps).map(([what, [name, help]]) => [
    what,
    metrics.counter(`slipway_bridge_tables_${name}`, help),
  ])
  const byName = Object.fromEntries(counters) as Record<
    keyof ShipperCounts,
    ReturnType<Metrics['counter']>
  >
  return (table, what, by) => byName[what].add(by, { table })
}
