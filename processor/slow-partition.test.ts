// T2 across partitions: one that is read long after the others holds the watermark, so that nothing is closed that its
// records keep open. A verdict that came early would have been taken back when they were read.

import { expect, test } from 'vitest'
import type { ShopEvent } from '#stack/contract/events.ts'
import { LocalPipeline, recordOf } from './local-pipeline.ts'
import { told } from './owner/told.ts'

const partitions = 4
const people = 200
/** Each adds on a laptop, and goes on browsing on a phone until shortly before the deadline. */
const browsedMinutes = 50
const items = [{ productId: 'P', quantity: 1, unitPriceMinor: 1000 }]

test('partitions that are read at very different speeds close nothing early', () => {
  const pipeline = new LocalPipeline({ partitions })
  const append = (event: ShopEvent, partition: number): void =>
    pipeline.appendRecord({ ...recordOf(event), partition })
  for (let person = 0; person < people; person++) {
    const userId = `user-${person}`
    const laptop = { anonymousId: `laptop-${person}`, userId, data: { items, currency: 'EUR' } }
    append(told(person, 'add_to_cart', laptop), 1 + (person % (partitions - 1)))
    const phone = { anonymousId: `phone-${person}`, userId }
    append(told(person + browsedMinutes, 'page_view', phone), 0)
  }
  // The last of those that have something to read: stages behind at once, the phones when nothing else is left.
  pipeline.run({ choose: (count) => count - 1, batchRecords: 7 })
  const verdicts = pipeline.tables().abandonments
  const isUntouched = verdicts.map(
    ({ status, revision }) => status === 'abandoned' && revision === 0,
  )
  expect(isUntouched).not.toContain(false)
  // The last laptop adds at minute 199: what was due by then, and no more.
  const due = people - 1 - (browsedMinutes + 60)
  expect(verdicts.length).toBeGreaterThan(due - 5)
  expect(verdicts.length).toBeLessThanOrEqual(due)
})
