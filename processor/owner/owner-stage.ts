// The hop: one object a partition of `slipway-carts-by-id`. It finds each cart's owner and forwards what names the cart
// to the keys that must know. The watermarks of stage one are forwarded after what they cover, so that stage two, which
// takes the least of direct and hopped ones, is never ahead of an event that is still on this way. With one partition the
// hop is cut by each of them and by nothing else, so that reading the same log again forwards the same (T7).

import { graceMs } from '#stack/contract/settings.ts'
import type { Settings } from '#stack/contract/settings.ts'
import { topics } from '#stack/contract/topics.ts'
import type { IncomingRecord, OutgoingRecord } from '#stack/kafka-client/records.ts'
import type { CartCommand } from '../model.ts'
import { emptyCut, OutputBatch, watermarkRecords } from '../stage.ts'
import type { Cut, Decision, Resumed, Stage } from '../stage.ts'
import { positionRecord, stateRecord } from '../state/changelog.ts'
import type { Restored } from '../state/changelog.ts'
import { cartOwnerCodec } from '../state/cart-owner-shape.ts'
import { States } from '../state/states.ts'
import { MemoryStore } from '../state/store.ts'
import { HandedWatermark } from '../time/handed-watermark.ts'
import type { Heard } from '../time/handed-watermark.ts'
import type { Lead } from '../time/lead.ts'
import { Timers } from '../time/timers.ts'
import { emptyCartOwner, forwardEvents, putNaming, rememberOwner } from './cart-owner.ts'
import type { CartOwnerState } from './cart-owner.ts'

export interface OwnerStageOptions {
  partition: number
  partitionCount: number
  settings: Settings
  /** Shared with stage one of the same partition. */
  lead?: Lead
  hasRetention?: boolean
  /** States that stay decoded between two cuts. */
  decodedMax?: number
}

interface Position extends Resumed {
  heard: Heard[]
  watermarkMs: number | null
  /** The last cut of stage one that it has heard of. */
  heardCut: number
}

export class OwnerStage implements Stage {
  readonly #options: OwnerStageOptions
  readonly #carts: States<CartOwnerState>
  readonly #timers = new Timers()
  readonly #dirty = new Set<CartOwnerState>()
  #watermark = new HandedWatermark(['visitors'])
  #handedMs: number | null = null
  #heardCut = 0
  #isCutDue = false
  #nextOffset = 0

  constructor(options: OwnerStageOptions) {
    this.#options = options
    this.#carts = new States(new MemoryStore(), cartOwnerCodec, options.decodedMax)
  }

  get watermarkMs(): number | null {
    return this.#watermark.watermarkMs
  }

  get isCutDue(): boolean | undefined {
    return this.#isAlone ? this.#isCutDue : undefined
  }

  get keyCount(): number {
    return this.#carts.size
  }

  restore(changelog: Restored): Resumed {
    this.#options.lead?.follow(true)
    const position = changelog.position() as Position | undefined
    if (position) {
      this.#nextOffset = position.nextOffset
      this.#handedMs = position.watermarkMs
      this.#heardCut = position.heardCut
      this.#watermark = new HandedWatermark(['visitors'], position.heard)
    }
    for (const { key, value } of changelog.states()) {
      const state = this.#carts.restore(key, value)
      this.#timers.set(this.#carts.slotOf(key), this.#dropMsOf(state))
    }
    return { nextOffset: this.#nextOffset, number: position?.number ?? 0 }
  }

  take({ value, offset }: IncomingRecord): void {
    if (value === null) return
    // Stage one writes this topic, and nobody else.
    const command = JSON.parse(value.toString()) as CartCommand
    if (command.kind === 'watermark') {
      this.#watermark.hear(command)
      this.#heardCut = command.cut
      this.#isCutDue = true
    } else if (command.kind === 'in') {
      const state = this.#carts.get(command.key) ?? emptyCartOwner(command.key)
      if (offset < state.nextOffset) return
      this.#carts.add(command.key, state)
      putNaming(state, command)
      this.#dirty.add(state)
    }
  }

  cut(decision: Decision): Cut {
    const { nextOffset } = decision
    const { watermarkMs } = this
    this.#isCutDue = false
    const due = this.#timers.takeDue(watermarkMs ?? -Infinity)
    const hasNews = nextOffset > this.#nextOffset || watermarkMs !== this.#handedMs
    if (!hasNews && due.length === 0) return emptyCut
    this.#nextOffset = nextOffset
    const output = new OutputBatch()
    const changelog: OutgoingRecord[] = []
    let isForwarding = false
    for (const state of this.#dirty) {
      for (const command of forwardEvents(state)) {
        isForwarding = true
        const { key } = command as { key: string }
        output.add(topics.cartsByPerson.name, { key, value: JSON.stringify(command) })
      }
    }
    this.#forget(due, watermarkMs)
    for (const state of this.#dirty) {
      state.nextOffset = nextOffset
      changelog.push(stateRecord(state.cartId, this.#carts.keep(state.cartId, state)))
      this.#timers.set(this.#carts.slotOf(state.cartId), this.#dropMsOf(state))
    }
    this.#dirty.clear()
    this.#carts.settle()
    if (this.#isAlone || watermarkMs !== this.#handedMs) this.#handWatermark(watermarkMs, output)
    changelog.push(this.#position(decision))
    const isDecisive = isForwarding && !this.#isAlone
    return { outputs: output.batches, changelog, isDecisive }
  }

  /** T5: carts nobody has touched for so long that no login and no late event can move them any more. */
  #forget(due: readonly number[], watermarkMs: number | null): void {
    for (const slot of due) {
      const state = this.#carts.get(this.#carts.keyAt(slot))
      if (state === undefined || (this.#dropMsOf(state) ?? Infinity) > (watermarkMs ?? -Infinity)) {
        continue
      }
      rememberOwner(state)
      this.#dirty.add(state)
    }
  }

  /** It has one sender, and stage two waits for its word on each cut (time/turns.ts). */
  get #isAlone(): boolean {
    return this.#options.partitionCount === 1
  }

  #dropMsOf({ events }: CartOwnerState): number | null {
    const last = events[events.length - 1]?.event
    if (last === undefined || this.#options.hasRetention === false) return null
    const { maxCartAgeMs, recoveryWindowMs, allowedLatenessMs, abandonAfterMs } =
      this.#options.settings
    return (
      last.timeMs + maxCartAgeMs + recoveryWindowMs + allowedLatenessMs + abandonAfterMs + graceMs
    )
  }

  #handWatermark(watermarkMs: number | null, output: OutputBatch): void {
    this.#handedMs = watermarkMs
    this.#options.lead?.caughtUp(this.#heardCut)
    const { partition, partitionCount } = this.#options
    const sender = { stage: 'cart-owners', partition, of: partitionCount } as const
    const record = { ...sender, watermarkMs, cut: this.#heardCut }
    for (const each of watermarkRecords(record, partitionCount)) {
      output.add(topics.cartsByPerson.name, each)
    }
  }

  #position({ number, nextOffset }: Decision): OutgoingRecord {
    const position: Position = {
      nextOffset,
      number,
      heard: this.#watermark.heard,
      watermarkMs: this.#handedMs,
      heardCut: this.#heardCut,
    }
    return positionRecord(position)
  }
}
