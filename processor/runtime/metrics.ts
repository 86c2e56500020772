// The processor's figures for GET /metrics: what its flushes write and how long they take, how far each stage is behind,
// how much it holds. A watermark is told in seconds since 1970, so that its lag can be drawn against the clock.

import type { Clock, Timer } from '#stack/base/clock.ts'
import type { Metrics } from '#stack/base/metrics.ts'
import { secondMs } from '#stack/base/units.ts'
import type { Flushed } from './flusher.ts'
import type { Lanes } from './status.ts'

const flushBoundsMs = [5, 10, 25, 50, 100, 250, 500, 1000, 2500]

export function flushMetrics(metrics: Metrics): (stage: string, flushed: Flushed) => void {
  const records = metrics.counter(
    'slipway_processor_written_records_total',
    'Records written to outputs and changelogs, by stage',
  )
  const flushes = metrics.counter('slipway_processor_flushes_total', 'Flushes, by stage')
  const tookMs = metrics.histogram(
    'slipway_processor_flush_milliseconds',
    'From the first write of a flush to its commit',
    flushBoundsMs,
  )
  return (stage, flushed) => {
    records.add(flushed.records, { stage })
    flushes.add(1, { stage })
    tookMs.observe(flushed.tookMs)
  }
}

/** Looked at once a second. */
export function stateMetrics(metrics: Metrics, lanes: Lanes, clock: Clock): Timer {
  const lag = metrics.gauge('slipway_processor_lag_records', 'Records not yet written, by stage')
  const keys = metrics.gauge('slipway_processor_keys', 'Keys with state, by stage')
  const watermark = metrics.gauge(
    'slipway_processor_watermark_seconds',
    'Least watermark of the partitions, by stage',
  )
  return clock.every(secondMs, () => {
    for (const { definition, readings } of Object.values(lanes)) {
      const labels = { stage: definition.name }
      let lagRecords = 0
      let keyCount = 0
      let leastMs = Infinity
      for (const { task, endOffset, flushedOffset } of readings) {
        lagRecords += Math.max(0, endOffset - flushedOffset)
        keyCount += task.stage.keyCount
        leastMs = Math.min(leastMs, task.stage.watermarkMs ?? 0)
      }
      lag.set(lagRecords, labels)
      keys.set(keyCount, labels)
      watermark.set(leastMs === Infinity ? 0 : leastMs / secondMs, labels)
    }
  })
}
