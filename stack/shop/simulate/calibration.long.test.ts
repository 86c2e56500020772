// The month that a first start shows: how much it is, and that it is no flat line.

import { expect, test } from 'vitest'
import { createSimulation } from './simulation.ts'

const openingMs = Date.parse('2026-06-10T12:00:00.000Z')
const hourMs = 3_600_000

test('a month before the opening has about 600,000 records, grows, and shows its sales', async () => {
  const simulation = await createSimulation({
    seed: 1,
    profile: 'demo',
    openingMs,
    days: 30,
    liveEventsPerSecond: 10,
  })
  const perHour = Array.from({ length: 30 * 24 }, () => 0)
  let records = 0
  for (const { receivedMs } of simulation.records()) {
    if (receivedMs >= openingMs) break
    const hour = Math.floor((receivedMs - simulation.startMs) / hourMs)
    perHour[hour] = (perHour[hour] as number) + 1
    records++
  }
  expect(records).toBeGreaterThan(570_000)
  expect(records).toBeLessThan(630_000)
  expect(simulation.expectedRecords(openingMs) / records).toBeCloseTo(1, 1)
  const days = (from: number, to: number) =>
    perHour.slice(from * 24, to * 24).reduce((a, b) => a + b) / (to - from)
  expect(days(22, 29) / days(5, 12)).toBeGreaterThan(1.2)
  // The weekly sale began seven days and an hour before the opening.
  const sale = perHour[(30 - 7) * 24] as number
  const dayBefore = perHour[(30 - 8) * 24] as number
  expect(sale / dayBefore).toBeGreaterThan(1.8)
})
