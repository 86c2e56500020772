// When stage two says that its records are: carts and verdicts carry stream time, which those who read back by time and
// the lane that mirrors the last day go by.

import { expect, test } from 'vitest'
import { dayMs, hourMs } from '#stack/base/units.ts'
import { defaultSettings } from '#stack/contract/settings.ts'
import { topics } from '#stack/contract/topics.ts'
import { add, at } from './cart/cart-events.ts'
import type { CartCommand, WatermarkRecord } from './model.ts'
import type { Cut } from './stage.ts'
import { PersonStage } from './stage-two.ts'

const day = dayMs / 60_000
const gap = hourMs / 60_000

/** One of two partitions, so that a cut may fall anywhere. */
class Told {
  readonly stage = new PersonStage({
    partition: 0,
    partitionCount: 2,
    settings: defaultSettings,
  })
  #offset = 0

  take(command: CartCommand): this {
    const value = Buffer.from(JSON.stringify(command))
    this.stage.take({ key: null, value, headers: {}, timestampMs: 0, offset: this.#offset++ })
    return this
  }

  adds(minutes: number): this {
    const input = { partition: 0, offset: this.#offset }
    return this.take({ kind: 'in', key: 'a:A', event: add(minutes), input })
  }

  hears(minutes: number): this {
    const senders = ['visitors', 'cart-owners'] as const
    for (const stage of senders) {
      for (const partition of [0, 1]) {
        const said: WatermarkRecord = {
          kind: 'watermark',
          stage,
          partition,
          of: 2,
          cut: this.#offset,
          watermarkMs: at(minutes),
        }
        this.take(said)
      }
    }
    return this
  }

  datesOf(topic: string): (number | undefined)[] {
    const decision = {
      number: 1,
      nextOffset: this.#offset,
      watermarkMs: null,
      handsWatermark: false,
    }
    const { outputs }: Cut = this.stage.cut(decision, '')
    const records = outputs.filter((batch) => batch.topic === topic)
    return records.flatMap((batch) => batch.records.map(({ timestampMs }) => timestampMs))
  }
}

test('a cart is of its event’s time though the watermark still stands at a day before', () => {
  const told = new Told().hears(-day).adds(0)
  expect(told.datesOf(topics.carts.name)).toEqual([at(0)])
})

test('a verdict is of the watermark that brought it, whenever the past is loaded', () => {
  const told = new Told().hears(-1).adds(0)
  told.datesOf(topics.carts.name)
  told.hears(gap + 1)
  expect(told.datesOf(topics.abandonment.name)).toEqual([at(gap + 1)])
})

test('what a late event says is of the time at which it is told', () => {
  const told = new Told().hears(gap + 10).adds(0)
  expect(told.datesOf(topics.carts.name)).toEqual([at(gap + 10)])
})
