// Known traffic by name: what each story comes to, now and when everything has closed.

import { describe, expect, test } from 'vitest'
import { seedScenario } from './scenarios.ts'

const nowMs = Date.parse('2026-06-10T03:00:00.000Z')
const request = { seed: 7, namespace: 't1', nowMs }

async function cartStates(scenario: string): Promise<[now: unknown[], later: unknown[]]> {
  const { truth, finalTruth } = await seedScenario({ ...request, scenario })
  return [truth, finalTruth].map(({ expect: rows }) => rows.carts.map((row) => row['state'])) as [
    unknown[],
    unknown[],
  ]
}

describe('a scenario', () => {
  test.each([
    ['abandoned-cart', ['open'], ['lost']],
    ['recovered-cart', ['recovered'], ['recovered']],
    ['late-purchase', ['converted'], ['converted']],
  ])('%s is %j now and %j in the end', async (scenario, now, later) => {
    expect(await cartStates(scenario)).toEqual([now, later])
  })

  test('late-purchase is received after the cart was abandoned, and happened before', async () => {
    const { records } = await seedScenario({ ...request, scenario: 'late-purchase' })
    const purchase = records.find(({ event }) => event.name === 'purchase')
    expect(purchase?.receivedMs).toBe(nowMs)
    expect(Date.parse(purchase?.event.eventTime ?? '')).toBeLessThan(nowMs - 85 * 60_000)
  })

  test.each([
    ['busy-hour', 1500],
    ['calm', 20_000],
    ['full', 20_000],
    ['mixed', 20_000],
  ])('%s has as many records as are asked for, none from the future', async (scenario, records) => {
    const seeded = await seedScenario({ ...request, scenario, records })
    expect(seeded.records.length).toBe(records)
    expect(Math.max(...seeded.records.map(({ receivedMs }) => receivedMs))).toBeLessThanOrEqual(
      nowMs,
    )
    expect(seeded.truth.counts.received).toBe(records)
  })

  test('is the same for the same seed and namespace, and apart from every other', async () => {
    const ids = async (namespace: string, seed = 7) => {
      const { records } = await seedScenario({ nowMs, seed, namespace, scenario: 'abandoned-cart' })
      return records.map(({ event }) => event.eventId)
    }
    const first = await ids('t1')
    expect(await ids('t1')).toEqual(first)
    for (const other of [await ids('t2'), await ids('t1', 8)]) {
      expect(other.some((id) => first.includes(id))).toBe(false)
    }
  })

  test('that nobody knows is refused, with the names of those there are', async () => {
    await expect(seedScenario({ ...request, scenario: 'toString' })).rejects.toThrow(
      'there is no scenario "toString"',
    )
  })
})
