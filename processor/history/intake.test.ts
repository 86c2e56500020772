// When what was taken is written: by the clock and by size, without a broker.

import { expect, test } from 'vitest'
import { ManualClock } from '#stack/base/clock.ts'
import { silentLogger } from '#stack/base/logger.ts'
import { Metrics } from '#stack/base/metrics.ts'
import { secondMs } from '#stack/base/units.ts'
import { topics } from '#stack/contract/topics.ts'
import { Intake } from './intake.ts'
import { memoryHistory } from './testing.ts'

const at = { topic: topics.enriched.name, partition: 0 }
/** Less than a pause. */
const shortMs = 400

const otherWork = () => new Promise((resolve) => setImmediate(resolve))

async function newIntake() {
  const history = await memoryHistory()
  await history.memories
  const clock = new ManualClock(0)
  const intake = new Intake({
    history,
    clock,
    logger: silentLogger,
    metrics: new Metrics(),
    onFatal: (error) => {
      throw error
    },
  })
  let offset = 0
  return {
    clock,
    intake,
    /** Positions without records are taken like records. */
    take: ({ behind } = { behind: 0 }) => {
      const nextOffset = ++offset
      const highWatermark = nextOffset + behind
      return intake.take({ ...at, records: [], leftOut: 0, nextOffset, highWatermark })
    },
    /** What is being written is there then. */
    async written() {
      await otherWork()
      await history.database.alone(() => Promise.resolve())
      await otherWork()
      return history.state.positions.get(`${at.topic}-${at.partition}`)?.offset ?? 0
    },
    async [Symbol.asyncDispose]() {
      await intake.close()
      await history[Symbol.asyncDispose]()
    },
  }
}

test('what was taken is written when nothing follows it', async () => {
  await using it = await newIntake()
  await it.take()
  it.clock.advance(shortMs)
  await it.take()
  it.clock.advance(shortMs)
  expect(await it.written()).toBe(0)
  it.clock.advance(secondMs / 5)
  expect(await it.written()).toBe(2)
})

test('what never pauses is written every four seconds', async () => {
  await using it = await newIntake()
  const written: number[] = []
  for (let i = 0; i < 25; i++) {
    await it.take()
    it.clock.advance(shortMs)
    written.push(await it.written())
  }
  expect(written).toEqual(written.map((_, i) => 10 * Math.floor((i + 1) / 10)))
})

test('who asks has what was taken written at once, unless more is on its way', async () => {
  await using it = await newIntake()
  await it.take({ behind: 1 })
  await it.intake.flushAtEnd()
  expect(await it.written()).toBe(0)
  await it.take()
  await it.intake.flushAtEnd()
  expect(await it.written()).toBe(2)
})
