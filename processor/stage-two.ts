// Stage two, by person: one object a partition of `slipway-carts-by-person`. Each key is a set of events; a cut judges the
// keys whose set changed, or for which time alone changes something, by the pure rules of cart/, and publishes the
// difference: rows of `cart-episodes`, verdicts of `cart-abandonment`. Its time is the least of all watermarks handed to
// it, direct and by the hop. With one partition its records take turns and say where it is cut (time/turns.ts).
//
// Keys say things to one another that may still change what seems closed: whose cart, which order. So each partition
// tells all others how far it has come, behind what its keys have said; what is let go (T5) goes by the least of these.

import { episodeKey } from '#stack/contract/cart.ts'
import type { Settings } from '#stack/contract/settings.ts'
import { topics } from '#stack/contract/topics.ts'
import type { IncomingRecord, OutgoingRecord } from '#stack/kafka-client/records.ts'
import { isAwaitingDeed, isEmptyHanded, takeDeed, takeMove } from './cart/deed.ts'
import { judgePerson, takeIn, takeOrder, takeOut } from './cart/judge.ts'
import type { Judged } from './cart/judge.ts'
import type { CartCommand, CartEvent, KeyMessage } from './model.ts'
import { emptyPerson } from './person.ts'
import type { PersonState } from './person.ts'
import { emptyCut, OutputBatch, watermarkRecords } from './stage.ts'
import type { Cut, Decision, Resumed, Stage } from './stage.ts'
import { positionRecord, stateRecord } from './state/changelog.ts'
import type { Restored } from './state/changelog.ts'
import { personCodec } from './state/person-shape.ts'
import { States } from './state/states.ts'
import { MemoryStore } from './state/store.ts'
import { HandedWatermark } from './time/handed-watermark.ts'
import type { Heard } from './time/handed-watermark.ts'
import { laterOf } from './time/later-of.ts'
import { Timers } from './time/timers.ts'
import { Turns } from './time/turns.ts'
import type { Taken } from './time/turns.ts'

export interface PersonStageOptions {
  partition: number
  partitionCount: number
  settings: Settings
  hasRetention?: boolean
  /** States that stay decoded between two cuts. */
  decodedMax?: number
}

interface Position extends Resumed {
  heard: Heard[]
  /** Of the partitions of this stage. */
  settled: Heard[]
  handedMs: number | null
  streamMs: number | null
  /** How many records were taken, in whatever order. */
  taken: number
  /** With one partition. */
  turns?: Taken
}

type KeyCommand = Exclude<CartCommand, { kind: 'watermark' }>

/** What came to a key since it was judged last. */
interface News {
  arrived: CartEvent[]
  isMoved: boolean
}

const noNews: News = { arrived: [], isMoved: false }

export class PersonStage implements Stage {
  readonly #options: PersonStageOptions
  readonly #persons: States<PersonState>
  /** When keys are to be judged again, by the watermark; when something of them may be let go, by the settled one. */
  readonly #timers = new Timers()
  readonly #letGoTimers = new Timers()
  /** Keys that wait for a deed: what they say is not their last word. */
  readonly #awaiting = new Set<string>()
  readonly #news = new Map<PersonState, News>()
  #watermark = new HandedWatermark(['visitors', 'cart-owners'])
  #settled = new HandedWatermark(['persons'])
  #handedMs: number | null = null
  /** Stream time: the newest event time taken, or the watermark where that is later, as it is in silence. */
  #streamMs: number | null = null
  /** What keys have said to one another since the last cut. */
  #messages: KeyMessage[] = []
  #turns: Turns | undefined
  /** Records taken by now, and by the last cut. */
  #taken = 0
  #cutTaken = 0
  #nextOffset = 0

  constructor(options: PersonStageOptions) {
    this.#options = options
    if (options.partitionCount === 1) this.#turns = new Turns()
    this.#persons = new States(new MemoryStore(), personCodec, options.decodedMax)
  }

  get watermarkMs(): number | null {
    return this.#watermark.watermarkMs
  }

  get isCutDue(): boolean | undefined {
    return this.#turns?.isOver
  }

  get waitingOffset(): number | undefined {
    return this.#turns?.waitingOffset
  }

  get waitingBytes(): number {
    return this.#turns?.waitingBytes ?? 0
  }

  get keyCount(): number {
    return this.#persons.size
  }

  restore(changelog: Restored): Resumed {
    const position = changelog.position() as Position | undefined
    if (position) {
      this.#nextOffset = position.nextOffset
      this.#taken = position.taken
      this.#cutTaken = position.taken
      this.#watermark = new HandedWatermark(['visitors', 'cart-owners'], position.heard)
      this.#settled = new HandedWatermark(['persons'], position.settled)
      this.#handedMs = position.handedMs
      this.#streamMs = position.streamMs
      if (position.turns) this.#turns = new Turns(position.turns)
    }
    for (const { key, value } of changelog.states()) {
      const state = this.#persons.restore(key, value)
      this.#timers.set(this.#persons.slotOf(key), state.wakeMs)
      this.#letGoTimers.set(this.#persons.slotOf(key), state.letGoMs)
      if (isAwaitingDeed(state)) this.#awaiting.add(key)
    }
    return { nextOffset: this.#nextOffset, number: position?.number ?? 0 }
  }

  take({ value, offset }: IncomingRecord): void {
    if (value === null) return
    // The stages write this topic, and nobody else.
    const command = JSON.parse(value.toString()) as CartCommand
    if (this.#turns === undefined) this.#takeCommand(command)
    else {
      this.#turns.add(offset, command, value.length)
      this.#takeTurn(this.#turns)
    }
  }

  #takeTurn(turns: Turns): void {
    for (;;) {
      const command = turns.next(this.#taken)
      if (command === undefined) return
      this.#takeCommand(command)
    }
  }

  #takeCommand(command: CartCommand): void {
    this.#taken++
    if (command.kind === 'watermark') {
      const watermark = command.stage === 'persons' ? this.#settled : this.#watermark
      watermark.hear(command)
    } else this.#takeKeyCommand(command)
  }

  #takeKeyCommand(command: KeyCommand): void {
    const state = this.#persons.get(command.key) ?? emptyPerson(command.key)
    if (this.#taken <= state.taken) return
    const news = this.#news.get(state) ?? { arrived: [], isMoved: false }
    if (!this.#apply(command, state, news)) return
    this.#persons.add(command.key, state)
    this.#news.set(state, news)
  }

  /** Answers whether the key must be judged again. */
  #apply(command: KeyCommand, state: PersonState, news: News): boolean {
    switch (command.kind) {
      case 'in':
        if (!takeIn(state, command.event)) return false
        this.#streamMs = laterOf(this.#streamMs, command.event.timeMs)
        news.arrived.push(command.event)
        return true
      case 'out':
        if (!takeOut(state, command)) return false
        news.isMoved = true
        return true
      case 'deed':
        news.isMoved = true
        this.#messages.push(...takeDeed(state, command))
        return true
      case 'order':
        takeOrder(state, command)
        return true
      case 'away':
      case 'here':
        this.#messages.push(...takeMove(state, command))
        return true
    }
  }

  cut(decision: Decision, processedAt: string): Cut {
    const { nextOffset } = decision
    this.#wakeDue()
    const hasNews = nextOffset > this.#nextOffset || this.#taken > this.#cutTaken
    if (!hasNews && this.#news.size === 0) return emptyCut
    this.#nextOffset = nextOffset
    this.#cutTaken = this.#taken
    const output = new OutputBatch()
    const changelog: OutgoingRecord[] = []
    this.#streamMs = laterOf(this.#streamMs, this.watermarkMs)
    for (const [state, news] of this.#news) {
      const { difference, orders } = this.#judge(state, news, processedAt)
      addDifference(difference, output, this.#streamMs)
      this.#messages.push(...orders)
      changelog.push(this.#keep(state))
    }
    for (const message of this.#messages) {
      const value = JSON.stringify({ ...message, taken: this.#taken })
      output.add(topics.cartsByPerson.name, { key: message.key, value })
    }
    const isDecisive = this.#turns === undefined && output.batches.length > 0
    const isHanded = this.#handWatermark(output)
    this.#turns?.begin(this.#messages.length + (isHanded ? 1 : 0))
    this.#news.clear()
    this.#messages = []
    this.#persons.settle()
    changelog.push(this.#position(decision))
    if (this.#turns) this.#takeTurn(this.#turns)
    return { outputs: output.batches, changelog, isDecisive }
  }

  /** Behind what its keys have said. Answers whether there was anything to tell. */
  #handWatermark(output: OutputBatch): boolean {
    const { watermarkMs } = this
    if (watermarkMs === this.#handedMs || this.#awaiting.size > 0) return false
    this.#handedMs = watermarkMs
    const { partition, partitionCount } = this.#options
    const sender = { stage: 'persons', partition, of: partitionCount, cut: 0 } as const
    const record = { ...sender, watermarkMs, taken: this.#taken }
    for (const each of watermarkRecords(record, partitionCount)) {
      output.add(topics.cartsByPerson.name, each)
    }
    return true
  }

  /** Timers have no order of their own that a restart keeps. */
  #wakeDue(): void {
    const slots = [
      ...this.#timers.takeDue(this.watermarkMs ?? -Infinity),
      ...this.#letGoTimers.takeDue(this.#settled.watermarkMs ?? -Infinity),
    ]
    for (const key of slots.map((slot) => this.#persons.keyAt(slot)).sort()) {
      const state = this.#persons.get(key)
      if (state && !this.#news.has(state)) this.#news.set(state, noNews)
    }
  }

  #judge(state: PersonState, news: News, processedAt: string): Judged {
    const { settings, hasRetention = true } = this.#options
    const watermarkMs = this.watermarkMs ?? -Infinity
    const settledMs = this.#settled.watermarkMs ?? -Infinity
    const judging = { watermarkMs, settledMs, settings, processedAt, hasRetention }
    const judged = judgePerson(state, news, judging)
    state.taken = this.#taken
    state.wakeMs = judged.wakeMs
    state.letGoMs = judged.letGoMs
    return judged
  }

  #keep(state: PersonState): OutgoingRecord {
    const { key, wakeMs, letGoMs } = state
    const isGone = isEmptyHanded(state)
    const value = isGone ? null : this.#persons.keep(key, state)
    const slot = this.#persons.slotOf(key)
    if (slot >= 0) {
      this.#timers.set(slot, isGone ? null : wakeMs)
      this.#letGoTimers.set(slot, isGone ? null : letGoMs)
    }
    if (isAwaitingDeed(state)) this.#awaiting.add(key)
    else this.#awaiting.delete(key)
    if (isGone) this.#persons.drop(key)
    return stateRecord(key, value)
  }

  #position({ number, nextOffset }: Decision): OutgoingRecord {
    const position: Position = {
      nextOffset,
      number,
      heard: this.#watermark.heard,
      settled: this.#settled.heard,
      handedMs: this.#handedMs,
      streamMs: this.#streamMs,
      taken: this.#taken,
      ...(this.#turns && { turns: this.#turns.taken }),
    }
    return positionRecord(position)
  }
}

/** Dated by stream time, as far as there is one: what is told of a past is of that past, whenever it is told. */
function addDifference(
  { carts, tombstones, abandonments }: Judged['difference'],
  output: OutputBatch,
  streamMs: number | null,
): void {
  const dated = streamMs === null ? {} : { timestampMs: streamMs }
  for (const cart of carts) {
    const key = episodeKey(cart.cartKey, cart.episode)
    output.add(topics.carts.name, { key, value: JSON.stringify(cart), ...dated })
  }
  for (const key of tombstones) output.add(topics.carts.name, { key, value: null, ...dated })
  for (const record of abandonments) {
    const { abandonmentId: key } = record
    output.add(topics.abandonment.name, { key, value: JSON.stringify(record), ...dated })
  }
}
