// However the records of three senders lie between one another, they are taken in one order.

import { expect, test } from 'vitest'
import type { CartCommand, CartEvent } from '../model.ts'
import { Turns } from './turns.ts'
import type { Taken } from './turns.ts'

/** `d1` a direct record of cut 1 and `D1` its watermark, `h1` and `H1` those of the hop, `m2` what a key said when 2 were taken. */
function record(name: string): CartCommand {
  const cut = Number(name.slice(1))
  const watermark = { kind: 'watermark', partition: 0, of: 1, watermarkMs: cut, cut } as const
  if (name.startsWith('D')) return { ...watermark, stage: 'visitors' }
  if (name.startsWith('H')) return { ...watermark, stage: 'cart-owners' }
  if (name.startsWith('m')) {
    const message = { kind: 'order', key: 'a:A', from: 'a:B', source: '', eventId: name } as const
    return { ...message, isRepeat: true, taken: cut }
  }
  // Nothing else of it is read.
  const event = { ...(name.startsWith('h') && { via: 'c1' }), eventId: name } as CartEvent
  return { kind: 'in', key: 'a:A', event, input: { partition: 0, offset: 0 } }
}

function nameOf(command: CartCommand): string {
  if (command.kind === 'in') return command.event.eventId
  if (command.kind === 'order') return command.eventId
  if (command.kind !== 'watermark') return command.kind
  return `${command.stage === 'visitors' ? 'D' : 'H'}${command.cut}`
}

interface Reading {
  turns?: Turns
  fromOffset?: number
  /** By the number of the cut, from 0: how many messages it sends. */
  messages?: Record<number, number>
}

/** In the order in which they are taken; cuts are drawn as `|`. */
function takenFrom(topic: string, reading: Reading = {}): string {
  const { turns = new Turns(), fromOffset = 0, messages = {} } = reading
  const taken: string[] = []
  let cuts = 0
  let count = 0
  for (const [offset, name] of topic.split(' ').entries()) {
    if (offset < fromOffset) continue
    turns.add(offset, record(name))
    for (let next = turns.next(count); next; next = turns.next(count)) {
      count++
      taken.push(nameOf(next))
      if (!turns.isOver) continue
      taken.push('|')
      turns.begin(messages[cuts++] ?? 0)
    }
  }
  return taken.join(' ')
}

test.each([
  'd1 D1 h1 H1 d2 D2 h2 H2',
  'd1 D1 d2 h1 H1 D2 h2 H2',
  'd1 D1 d2 D2 h1 H1 h2 H2',
  'h1 H1 d1 D1 h2 d2 H2 D2',
])('%s is taken cut by cut, direct records before hopped ones', (topic) => {
  expect(takenFrom(topic)).toBe('d1 D1 h1 H1 | d2 D2 h2 H2 |')
})

test.each(['D1 H1 m2 m2 d2 D2 H2', 'D1 H1 d2 D2 H2 m2 m2', 'D1 d2 H1 m2 D2 m2 H2'])(
  '%s: what keys say in a cut is the next turn',
  (topic) => {
    expect(takenFrom(topic, { messages: { 0: 2 } })).toBe('D1 H1 | m2 m2 | d2 D2 H2 |')
  },
)

test('after a restart it goes on with what had waited, and takes nothing twice', () => {
  const topic = 'd1 D1 d2 h1 H1 D2 h2 H2'
  const turns = new Turns()
  expect(takenFrom('d1 D1 d2 h1', { turns })).toBe('d1 D1 h1')
  expect(turns.waitingOffset).toBe(2)
  const restored: Taken = JSON.parse(JSON.stringify(turns.taken))
  const rest = { turns: new Turns(restored), fromOffset: 2 }
  expect(takenFrom(topic, rest)).toBe('H1 | d2 D2 h2 H2 |')
})

test('a cut that is written twice, since its sender was killed, is waited for once', () => {
  expect(takenFrom('d1 D1 d1 D1 h1 H1 h1 H1 d2 D2 h2 H2')).toBe(
    'd1 D1 h1 H1 | d1 D1 | d2 D2 h1 H1 h2 H2 |',
  )
})

test('a message that is written twice is taken between turns, and holds nothing up', () => {
  const topic = 'D1 H1 m2 d2 m2 D2 H2 d3 D3 H3'
  expect(takenFrom(topic, { messages: { 0: 1 } })).toBe('D1 H1 | m2 | d2 D2 H2 | m2 | d3 D3 H3 |')
})

test('a message of a turn that a crash takes back waits until that is taken again', () => {
  expect(takenFrom('m5 D1 d2 D2 H1 H2')).toBe('D1 H1 | d2 D2 H2 | m5 |')
})
