// A person's state comes back from its bytes as it was, what is kept by name included.

import { expect, test } from 'vitest'
import { defaultSettings } from '#stack/contract/settings.ts'
import { add, at, buy } from '../cart/cart-events.ts'
import { takeMove } from '../cart/deed.ts'
import { judgePerson, takeIn } from '../cart/judge.ts'
import type { MoveCommand } from '../model.ts'
import { emptyPerson } from '../person.ts'
import { personCodec } from './person-shape.ts'

const day = 24 * 60

test('a person with a verdict, a base, moves of carts and orders of others is read as it was written', () => {
  const state = emptyPerson('u:U')
  for (const event of [add(0), buy(5, 'O1'), add(10 * day), add(20 * day)]) takeIn(state, event)
  const change = { arrived: [], isMoved: false }
  const upTo = { watermarkMs: at(12 * day), settledMs: at(12 * day) }
  const judging = { ...upTo, settings: defaultSettings, processedAt: '2024-05-18T00:00:00.000Z' }
  judgePerson(state, change, { ...judging, hasRetention: true })
  const move = { kind: 'here', key: 'u:U', cartKey: 'c:c1', move: 1 } as const
  const moves: MoveCommand[] = [
    { ...move, input: { partition: 0, offset: 1 } },
    { ...move, kind: 'away', move: 2, to: 'u:V', input: { partition: 0, offset: 2 } },
  ]
  for (const command of moves) takeMove(state, command)
  state.toldRepeats['web\ne1'] = ['a:A', 'u:V']
  state.repeats['web\ne2'] = { source: 'web', eventId: 'e2', owner: 'a:A' }
  const read = personCodec.decode(state.key, personCodec.encode(state))
  expect(read).toEqual(state)
  expect(Object.keys(state.published.verdicts)).toHaveLength(1)
  expect(state.base.orders).toHaveLength(1)
  expect(state.homes['c:c1']?.unserved).toMatchObject([{ toldFromMs: -Infinity }])
})
