// Carts explained: the timeline names the rule of each step, and of what did nothing the reason.

import { describe, expect, test } from 'vitest'
import type { AbandonmentRecord } from '#stack/contract/cart.ts'
import type { EventFlag, EventName, ShopEvent } from '#stack/contract/events.ts'
import { defaultSettings } from '#stack/contract/settings.ts'
import type { KnownEvent } from './gather.ts'
import { printStory } from './print.ts'
import { explainCart } from './story.ts'
import type { Asked, CartStory } from './story.ts'

let count = 0

function known(time: string, name: EventName, fields: Partial<KnownEvent> = {}): KnownEvent {
  const eventTime = `2024-05-06T${time}:00.000Z`
  return {
    schemaVersion: '1.0',
    eventId: `e${++count}`,
    name,
    eventTime,
    receivedAt: eventTime,
    source: 'web',
    dialect: 'native',
    anonymousId: 'A',
    data: {},
    country: null,
    device: null,
    sessionKey: null,
    ...fields,
  }
}

function add(time: string, fields: Partial<KnownEvent> = {}): KnownEvent {
  const items = [{ productId: 'Mug', quantity: 1, unitPriceMinor: 1999 }]
  return known(time, 'add_to_cart', { data: { items, currency: 'EUR' }, ...fields })
}

function buy(time: string, fields: Partial<KnownEvent> = {}): KnownEvent {
  const data: ShopEvent['data'] = { orderId: 'O1', currency: 'EUR', items: [{ productId: 'Mug' }] }
  return known(time, 'purchase', { data, ...fields })
}

function storyOf(events: KnownEvent[], asked: Partial<Asked> = {}): CartStory {
  const story = explainCart(events, {
    cartKey: 'a:A',
    watermarkMs: Infinity,
    settings: defaultSettings,
    ...asked,
  })
  if (story === null) throw new Error('no such cart')
  return story
}

/** Time, events, rules, and a dash before what was ignored. */
function toldOf({ lines }: CartStory): string[] {
  return lines.map(({ at, events, isIgnored, rules }) => {
    const counts = Object.entries(events).map(([name, count]) => `${count} ${name}`)
    const what = counts.length === 0 ? 'time' : counts.join(' ')
    return `${isIgnored ? '- ' : ''}${at.slice(11, 16)} ${what} ${rules.join(' ')}`
  })
}

describe('the story of a cart', () => {
  test('tells start, activity, deadline and recovery with their rules', () => {
    const views = ['10:10', '10:20', '10:30'].map((time) => known(time, 'page_view'))
    const story = storyOf([add('10:00'), ...views, known('10:40', 'begin_checkout'), buy('13:00')])
    expect(toldOf(story)).toEqual([
      '10:00 1 add_to_cart R13 R6',
      '10:10 3 page_view R13',
      '10:40 1 begin_checkout R13 R15',
      '11:40 time R14',
      '13:00 1 purchase R19',
    ])
    expect(story.lines[1]).toMatchObject({ deadlineAt: '2024-05-06T11:30:00.000Z' })
    expect(story.episodes).toMatchObject([{ state: 'recovered', orderId: 'O1' }])
  })

  test('says of what did nothing why', () => {
    const flagged = (time: string, flag: EventFlag) => add(time, { flags: [flag] })
    const first = add('10:00')
    const story = storyOf([
      first,
      { ...first, receivedAt: '2024-05-06T10:01:00.000Z' },
      flagged('10:05', 'bot'),
      flagged('10:06', 'tooLate'),
      known('10:07', 'custom'),
      known('12:00', 'page_view'),
      known('12:05', 'view_cart'),
      buy('12:10', { data: { orderId: 'O2', currency: 'EUR', items: [{ productId: 'Hat' }] } }),
    ])
    expect(toldOf(story)).toEqual([
      '10:00 1 add_to_cart R13 R6',
      '- 10:00 1 add_to_cart T4',
      '- 10:05 1 add_to_cart R24',
      '- 10:06 1 add_to_cart T1',
      '- 10:07 1 custom R12',
      '11:00 time R14',
      '- 12:00 1 page_view R13',
      '- 12:05 1 view_cart R15',
      '- 12:10 1 purchase R18',
    ])
  })

  test('follows a login from both sides', () => {
    const login = known('10:10', 'identify', { userId: 'U' })
    const events = [add('10:00'), login, known('10:20', 'page_view')]
    expect(toldOf(storyOf(events))).toEqual(['10:00 1 add_to_cart R13 R6', '10:10 1 identify R4'])
    const users = storyOf(events, { cartKey: 'u:U' })
    expect(toldOf(users)).toEqual([
      '10:10 1 identify R4 R13',
      '10:20 1 page_view R13',
      '11:20 time R14',
    ])
    expect(users.personId).toBe('u:U')
  })

  test('says that events wait while the watermark has not come to a deadline', () => {
    const watermarkMs = Date.parse('2024-05-06T10:30:00.000Z')
    const story = storyOf([add('10:00'), add('11:30')], { watermarkMs })
    expect(toldOf(story).at(-1)).toBe('- 11:30 1 add_to_cart R14')
    expect(story.episodes).toMatchObject([{ state: 'open', units: 1 }])
  })

  test('of a cart with an id names the stranger who bought it', () => {
    const cartId = 'c1'
    const events = [add('10:00', { cartId }), buy('10:30', { cartId, anonymousId: 'B' })]
    const story = storyOf(events, { cartKey: 'c:c1' })
    expect(story.lines.at(-1)).toMatchObject({ event: { anonymousId: 'B' }, rules: ['R13', 'R19'] })
  })

  test('is null for a cart that nobody has', () => {
    const asked = { cartKey: 'c:none', watermarkMs: Infinity, settings: defaultSettings }
    expect(explainCart([add('10:00')], asked)).toBeNull()
  })

  test('as text can be read by somebody who knows the shop and not the code', () => {
    const verdict = {
      abandonmentId: '0123456789abcdef',
      cartKey: 'a:A',
      episode: 1,
      revision: 0,
      status: 'abandoned',
      reason: null,
      abandonedAt: '2024-05-06T11:10:00.000Z',
      suppressed: false,
      processedAt: '2024-05-06T11:10:30.000Z',
    } as AbandonmentRecord
    const late = known('10:10', 'page_view', { receivedAt: '2024-05-06T10:50:00.000Z' })
    const watermarkMs = Date.parse('2024-05-06T12:00:00.000Z')
    const story = storyOf([add('10:00'), late], { watermarkMs, verdicts: [verdict] })
    expect(printStory(story)).toMatchInlineSnapshot(`
      "Cart a:A of browser A, as known at 2024-05-06 12:00:00. All times are UTC.

      In short
        Abandoned on 2024-05-06 11:10:00 with 1 piece for 19.99 EUR; can be recovered for 7 days from then.
        The customer has not agreed to be written to.

      What happened
        2024-05-06
          10:00:00           a cart begins; puts in 1 × Mug at 19.99 EUR [R13, R6]
                             in it: 1 piece for 19.99 EUR; deadline 11:00:00
          10:10:00           active: 1 page (came 40 min late, on 2024-05-06 10:50:00) [R13]
                             deadline 11:10:00
          11:10:00           nothing happened for 60 min: the cart is abandoned [R14]

      What was published
        2024-05-06 11:10:30  abandoned as of 2024-05-06 11:10:00 (record 01234567 of episode 1, revision 0)

      The rules by number
        R6   what is put in or taken out changes its line
        R13  activity before the deadline moves it, at or after the deadline it does not
        R14  a cart without activity until its deadline is abandoned, as of that time
      "
    `)
  })
})
