// Round places on a time line, by the clock of the chosen zone.

import type { Tick } from './model.ts'
import { clockTime, dayMonth, hourMinute, parts } from '../parts/zone.ts'

const stepsMs = [
  10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 900_000, 1_800_000, 3_600_000,
  7_200_000, 10_800_000, 21_600_000, 43_200_000, 86_400_000,
]

export function timeTicks(fromMs: number, toMs: number, zone: string, count = 6): Tick[] {
  const step = stepsMs.find((each) => (toMs - fromMs) / each <= count) ?? 86_400_000
  const label = step < 60_000 ? clockTime : step < 86_400_000 ? hourMinute : dayMonth
  // Aligned to the zone's wall clock: its offset may be a half or a quarter of an hour.
  const { hour, minute, second } = parts(fromMs, zone)
  const wallMs = ((hour * 60 + minute) * 60 + second) * 1000 + (fromMs % 1000)
  const first = fromMs + ((step - (wallMs % step)) % step)
  const ticks: Tick[] = []
  for (let at = first; at <= toMs; at += step) ticks.push({ at, label: label(at, zone) })
  return ticks
}

/** For buckets 0, 1, 2 …: every n-th of them. */
export function bucketTicks(labels: readonly string[], count = 8): Tick[] {
  const every = Math.max(1, Math.ceil(labels.length / count))
  return labels.flatMap((label, at) => (at % every === 0 ? [{ at, label }] : []))
}
