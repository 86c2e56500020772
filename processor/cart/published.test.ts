// What travels when a key is judged: only differences, revisions that grow, retractions with the kind of the late event,
// and one live record an episode.

import { describe, expect, test } from 'vitest'
import { abandonmentId } from '#stack/contract/ids.ts'
import { defaultSettings } from '#stack/contract/settings.ts'
import type { CartEvent } from '../model.ts'
import { add, at, buy, byT3, event, line, link, remove } from './cart-events.ts'
import { foldPerson } from './fold.ts'
import { diffPerson, nothingPublished } from './published.ts'
import type { Difference, Published } from './published.ts'
import { nothingArrived } from './retraction.ts'
import type { Change } from './retraction.ts'

const hour = 60
const processedAt = '2024-01-01T00:00:00.000Z'

function judged(
  before: Published,
  events: readonly CartEvent[],
  minutes: number,
  change: Partial<Change> = {},
): Difference {
  const fold = foldPerson(byT3(events), at(minutes), defaultSettings)
  return diffPerson(before, fold, { ...nothingArrived, ...change }, processedAt)
}

/** The verdicts of a difference: status, reason, revision. */
function toldOf({ abandonments }: Difference): string[] {
  return abandonments.map(({ status, reason, revision }) => `${status} ${reason ?? ''} ${revision}`)
}

const first = add(0)
const abandoned = judged(nothingPublished, [first], hour)

describe('rows', () => {
  test('are published at every change of state or content, with a revision that grows', () => {
    const open = judged(nothingPublished, [first], 0)
    const more = judged(open.published, [first, add(1, [line('Q')])], 1)
    expect(open.carts).toMatchObject([{ revision: 0, state: 'open', itemCount: 1 }])
    expect(more.carts).toMatchObject([{ revision: 1, state: 'open', itemCount: 2 }])
  })

  test('are not published again when nothing changed, also after the changelog', () => {
    const restored = JSON.parse(JSON.stringify(abandoned.published)) as Published
    expect(judged(restored, [first], 2 * hour)).toMatchObject({ carts: [], abandonments: [] })
  })

  test('are taken back by a tombstone when the fold has them no more, and go on with their revision', () => {
    const gone = judged(abandoned.published, [], hour, { isMoved: true })
    expect(gone).toMatchObject({ carts: [], tombstones: ['a:A#1'] })
    const again = judged(gone.published, [first], hour)
    expect(again.carts).toMatchObject([{ revision: 2, state: 'abandoned' }])
  })
})

describe('verdicts', () => {
  test('are abandoned before they are lost, however far the watermark leaps', () => {
    const lost = judged(nothingPublished, [first], 30 * 24 * hour)
    expect(toldOf(lost)).toEqual(['abandoned  0', 'lost  1'])
    expect(lost.abandonments[0]?.abandonmentId).toBe(abandonmentId('a:A', 'web', first.eventId))
  })

  test('keep their id when recovered', () => {
    const bought = judged(abandoned.published, [first, buy(2 * hour, 'O1')], 2 * hour)
    expect(toldOf(bought)).toEqual(['recovered  1'])
    expect(bought.abandonments[0]).toMatchObject({
      recoveredOrderId: 'O1',
      recoveredValueMinor: 1000,
    })
  })

  test('with another content are the next revision of the same id', () => {
    const late = add(30, [line('Q')], { isActivity: false, isServer: true })
    expect(toldOf(judged(abandoned.published, [first, late], hour))).toEqual(['abandoned  1'])
  })

  const late: [string, CartEvent, string[]][] = [
    ['purchase', buy(30, 'O1'), ['retracted late_purchase 1']],
    ['activity', event(30, 'page_view'), ['retracted late_activity 1']],
    ['remove that empties it', remove(30, [{ productId: 'P' }]), ['retracted late_emptied 1']],
    ['login', link(30), ['retracted late_merge 1']],
    ['start', add(-2, [line('Q')]), ['retracted late_start 1', 'abandoned  0']],
  ]
  test.each(late)('are retracted by a late %s', (_, event, told) => {
    const difference = judged(abandoned.published, [first, event], hour, { arrived: [event] })
    expect(toldOf(difference)).toEqual(told)
  })

  test('are retracted when a login moves their events away', () => {
    const difference = judged(abandoned.published, [], hour, { isMoved: true })
    expect(toldOf(difference)).toEqual(['retracted late_merge 1'])
  })

  test('that were recovered are retracted with what the purchase told taken back', () => {
    const bought = [first, buy(2 * hour, 'O1')]
    const recovered = judged(abandoned.published, bought, 2 * hour)
    const views = [event(30, 'page_view'), event(80, 'page_view')]
    const late = judged(recovered.published, [...bought, ...views], 2 * hour, { arrived: views })
    expect(late.abandonments).toMatchObject([
      { status: 'retracted', reason: 'late_activity', recoveredOrderId: null, revision: 2 },
    ])
    expect(late.carts).toMatchObject([{ state: 'converted', abandonmentId: null }])
  })

  test('are abandoned again under the same id when the new deadline has come', () => {
    const view = event(30, 'page_view')
    const extended = judged(abandoned.published, [first, view], hour, { arrived: [view] })
    const again = judged(extended.published, [first, view], 90)
    expect(toldOf(again)).toEqual(['abandoned  2'])
    expect(again.abandonments[0]?.abandonmentId).toBe(abandoned.abandonments[0]?.abandonmentId)
  })
})
