// T7 on one partition: in which order stage two takes what three writers send it: stage one, the hop, and its own keys to
// one another. How their records lie between one another in the topic is chance. Their order here is not: a turn is one cut
// of stage one, its records first, then those that the hop made of the same cut; then stage two is cut. What its keys say
// to one another in a cut is a turn of its own, and the next. What is read before its turn waits: as much as the hop is
// behind stage one, which reads no further when that is too much (lead.ts).
//
//   topic    direct 1 · watermark 1 · direct 2 · hopped 1 · watermark 1 · watermark 2 · deed · hopped 2 · watermark 2
//   turns    direct 1 · watermark 1 · hopped 1 · watermark 1 | deed | direct 2 · watermark 2 · hopped 2 · watermark 2 |
//
// With more partitions there is no such order and none is needed: only the compacted result is the same then.

import type { CartCommand } from '../model.ts'

type Sender = 'visitors' | 'cart-owners' | 'persons'

/** How far the records of one sender are taken. */
interface Progress {
  nextOffset: number
  /** The last cut of stage one that it has told all of. */
  cut: number
}

/** Plain, it lies in the changelog. */
export interface Taken {
  visitors: Progress
  'cart-owners': Progress
  persons: Progress
  /** Messages of its own keys that were written and have not come back. */
  awaited: number
}

interface Waiting {
  offset: number
  command: CartCommand
  /** As it was read. */
  bytes: number
}

export class Turns {
  readonly #taken: Taken
  readonly #waiting: Record<Sender, Queue> = {
    visitors: new Queue(),
    'cart-owners': new Queue(),
    persons: new Queue(),
  }
  /** A record of stage one's cut has been taken: the turn is not one of messages. */
  #isBegun = false
  #isOver = false

  constructor(taken: Taken = nothingTaken()) {
    this.#taken = structuredClone(taken)
  }

  add(offset: number, command: CartCommand, bytes = 0): void {
    const sender = senderOf(command)
    // After a restart some are read again because others had waited.
    if (offset >= this.#taken[sender].nextOffset)
      this.#waiting[sender].push({ offset, command, bytes })
  }

  /** `taken`: how many there were. Undefined: the sender whose turn it is has not written more, or the turn is over. */
  next(taken: number): CartCommand | undefined {
    if (this.#isOver) return undefined
    const sender = this.#isTurnOfMessages(taken) ? 'persons' : this.#senderOfRecords
    const waiting = this.#waiting[sender].shift()
    if (waiting === undefined) return undefined
    const { offset, command } = waiting
    const progress = this.#taken[sender]
    progress.nextOffset = offset + 1
    this.#isBegun ||= sender !== 'persons'
    if (sender === 'persons') {
      this.#taken.awaited = Math.max(0, this.#taken.awaited - 1)
      this.#isOver = this.#taken.awaited === 0
    } else if (command.kind === 'watermark') {
      // One that is said again, after a restart of its sender, ends nothing.
      progress.cut = Math.max(progress.cut, command.cut)
      this.#isOver = this.#isEven
    }
    return command
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** The cut is made; in it, keys have said so much to one another. */
  begin(messages: number): void {
    this.#taken.awaited += messages
    this.#isBegun = false
    this.#isOver = false
  }

  get taken(): Taken {
    return structuredClone(this.#taken)
  }

  get waitingBytes(): number {
    return Object.values(this.#waiting).reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** Of what waits, the first; undefined: nothing does. */
  get waitingOffset(): number | undefined {
    const firsts = Object.values(this.#waiting).map((queue) => queue.first?.offset ?? Infinity)
    const offset = Math.min(...firsts)
    return offset === Infinity ? undefined : offset
  }

  /**
   * After a crash there may be messages that nobody waits for: of a turn that is to be taken again first, since the keys
   * do not know yet what they knew when they said it; or of one that was taken.
   */
  #isTurnOfMessages(taken: number): boolean {
    if (this.#isBegun) return false
    const first = this.#waiting.persons.first?.command
    const isSaid = first !== undefined && 'taken' in first && (first.taken ?? 0) <= taken
    return this.#taken.awaited > 0 || isSaid
  }

  get #senderOfRecords(): Sender {
    return this.#isEven ? 'visitors' : 'cart-owners'
  }

  /** Both ways have told all of the same cut. */
  get #isEven(): boolean {
    return this.#taken['cart-owners'].cut >= this.#taken.visitors.cut
  }
}

/** First in, first out; what has left is let go in bulk. */
class Queue {
  #items: (Waiting | undefined)[] = []
  #first = 0
  bytes = 0

  get first(): Waiting | undefined {
    return this.#items[this.#first]
  }

  push(item: Waiting): void {
    this.#items.push(item)
    this.bytes += item.bytes
  }

  shift(): Waiting | undefined {
    const item = this.first
    if (item === undefined) return undefined
    this.#items[this.#first++] = undefined
    this.bytes -= item.bytes
    if (this.#first * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#first)
      this.#first = 0
    }
    return item
  }
}

function nothingTaken(): Taken {
  const nothing = (): Progress => ({ nextOffset: 0, cut: 0 })
  return { visitors: nothing(), 'cart-owners': nothing(), persons: nothing(), awaited: 0 }
}

/** What names a cart comes by way of the hop. */
function senderOf(command: CartCommand): Sender {
  switch (command.kind) {
    case 'watermark':
      return command.stage
    case 'in':
      return command.event.via === undefined ? 'visitors' : 'cart-owners'
    case 'out':
      return command.via === undefined ? 'visitors' : 'cart-owners'
    case 'away':
    case 'here':
      return command.cartKey.startsWith('c:') ? 'cart-owners' : 'visitors'
    case 'deed':
    case 'order':
      return 'persons'
  }
}
