// Stage one, by visitor: one object a partition of `ecommerce-events`. Every input position has exactly one outcome:
// enriched, rejected with a reason, or duplicate (T4). Beside that it publishes sessions, and what carts must know, as
// differences to what was published before.
//
// take() decodes and puts an event at its place in its visitor's row; cut() folds each visitor with news once. A record
// that a visitor's state includes already was published before that state was written: after a restart it is skipped.

import type { InputPosition } from '#stack/contract/events.ts'
import { graceMs } from '#stack/contract/settings.ts'
import type { Settings } from '#stack/contract/settings.ts'
import { topics } from '#stack/contract/topics.ts'
import type { IncomingRecord, OutgoingRecord } from '#stack/kafka-client/records.ts'
import type { Enricher, Surroundings } from './enrich/enricher.ts'
import { personAt } from './identity/people.ts'
import { duplicateRecord, enrichedRecord, loadEndRecord, refusedRecord } from './outcomes.ts'
import type { EnrichedFacts } from './outcomes.ts'
import { emptyCut, OutputBatch, watermarkRecords } from './stage.ts'
import type { Cut, Decision, Resumed, Stage } from './stage.ts'
import { positionRecord, stateRecord } from './state/changelog.ts'
import type { Restored } from './state/changelog.ts'
import { States } from './state/states.ts'
import type { StateCodec } from './state/states.ts'
import { MemoryStore } from './state/store.ts'
import { visitorCodec } from './state/visitor-shape.ts'
import type { Lead } from './time/lead.ts'
import { laterOf } from './time/later-of.ts'
import { Timers } from './time/timers.ts'
import { emptyPartitionTime } from './time/watermark.ts'
import type { InputWatermark, PartitionTime } from './time/watermark.ts'
import { readRecord } from './validate/reading.ts'
import type { ReadEvent } from './validate/reading.ts'
import { standingOf } from './validate/standing.ts'
import type { Standing } from './validate/standing.ts'
import { visitorEventOf } from './validate/visitor-event.ts'
import { Copies } from './visitor-copies.ts'
import { foldVisitor, wakeOf } from './visitor-fold.ts'
import type { FoldContext, VisitorFold } from './visitor-fold.ts'
import { markClosed } from './session/publish.ts'
import { emptyVisitor, insertEvent, isForgettable, stateKeyOf } from './visitor.ts'
import type { VisitorEvent, VisitorState } from './visitor.ts'

export interface VisitorStageOptions {
  partition: number
  /** Of the input topic and of the internal ones. */
  partitionCount: number
  settings: Settings
  enrich: Enricher
  /** Shared by all partitions that this process reads (T2). */
  watermark: InputWatermark
  /** Shared with the hop of the same partition. */
  lead?: Lead
  /** The shop's clock. */
  now(): number
  hasRetention?: boolean
  /** States that stay decoded between two cuts. */
  decodedMax?: number
}

/** How many input positions had which outcome, since the topic began. */
export interface OutcomeCounts {
  enriched: number
  rejected: number
  duplicate: number
  loadEnd: number
  late: number
  tooLate: number
}

interface Position extends Resumed {
  time: PartitionTime
  /** What was told to the stages behind. */
  handedMs: number | null
  /** They were told of something after that. */
  isUnhanded: boolean
  /** The watermark of the last cut: what closes by it is published as closed. */
  judgedMs: number | null
  counts: OutcomeCounts
}

/** An event between take and cut; those that the rules do not see are not kept. */
interface Pending {
  event: ReadEvent
  key: Buffer | null
  offset: number
  standing: Standing
  surroundings: Surroundings
  state: VisitorState
  kept: VisitorEvent | undefined
}

export class VisitorStage implements Stage {
  readonly #options: VisitorStageOptions
  readonly #visitors: States<VisitorState>
  readonly #timers = new Timers()
  readonly #copies = new Copies()
  #time: PartitionTime = emptyPartitionTime()
  #handedMs: number | null = null
  #isUnhanded = false
  #judgedMs: number | null = null
  #nextOffset = 0
  #counts: OutcomeCounts = {
    enriched: 0,
    rejected: 0,
    duplicate: 0,
    loadEnd: 0,
    late: 0,
    tooLate: 0,
  }
  #dirty = new Set<VisitorState>()
  #pending: Pending[] = []
  #rejected: OutgoingRecord[] = []

  constructor(options: VisitorStageOptions) {
    this.#options = options
    const { encode } = visitorCodec
    const codec: StateCodec<VisitorState> = { encode, decode: this.#decode.bind(this) }
    this.#visitors = new States(new MemoryStore(), codec, options.decodedMax)
  }

  get watermarkMs(): number | null {
    return laterOf(this.#options.watermark.watermarkMs, this.#judgedMs)
  }

  get keyCount(): number {
    return this.#visitors.size
  }

  get counts(): Readonly<OutcomeCounts> {
    return this.#counts
  }

  restore(changelog: Restored): Resumed {
    const { partition, watermark, now } = this.#options
    const position = changelog.position() as Position | undefined
    if (position) {
      this.#time = position.time
      this.#handedMs = position.handedMs
      this.#isUnhanded = position.isUnhanded
      this.#judgedMs = position.judgedMs
      this.#nextOffset = position.nextOffset
      this.#counts = position.counts
    }
    const context = this.#context('')
    for (const { key, value } of changelog.states()) {
      const state = this.#visitors.restore(key, value)
      this.#timers.set(this.#visitors.slotOf(key), wakeOf(state, context))
    }
    watermark.assign(partition, this.#time, now())
    return { nextOffset: this.#nextOffset, number: position?.number ?? 0 }
  }

  take(record: IncomingRecord): void {
    const { partition, watermark, now } = this.#options
    const nowMs = now()
    watermark.heard(partition, nowMs)
    const reading = readRecord(record)
    if (reading.kind === 'event') {
      watermark.seen(partition, reading.event.timeMs, reading.load, nowMs)
      this.#takeEvent(record, reading.event)
      return
    }
    const input = this.#positionOf(record.offset)
    if (reading.kind === 'loadEnd') {
      watermark.loadEnded(partition, reading.load)
      this.#counts.loadEnd++
      this.#rejected.push(loadEndRecord(reading.load, input))
    } else {
      this.#counts.rejected++
      this.#rejected.push(refusedRecord(record, reading.refusal, input))
    }
  }

  #takeEvent({ key, offset }: IncomingRecord, event: ReadEvent): void {
    const { timeMs, receivedMs } = event
    const state = this.#stateOf(stateKeyOf(event))
    if (offset < state.nextOffset) return
    const first = this.#copies.firstOf(state, event.source, event.eventId)
    if (first !== undefined) {
      this.#counts.duplicate++
      const at = this.#positionOf(first)
      this.#rejected.push(duplicateRecord(event, this.#positionOf(offset), at))
      return
    }
    const { settings, enrich } = this.#options
    const surroundings = enrich(event)
    const lagMs = receivedMs - timeMs
    const standing = standingOf(event, { lagMs, isBot: surroundings.agent.isBot }, settings)
    const arrival = { event, offset, standing, surroundings }
    const isKept = standing.isActivity || standing.isLink || standing.isCartEvent
    const kept = isKept ? visitorEventOf(arrival) : undefined
    if (kept) insertEvent(state.events, kept)
    else if (this.#mayComeAgain(timeMs)) {
      state.seen.push([event.source, event.eventId, timeMs, offset])
    }
    if (kept?.isCartEvent === true && kept.cartId !== undefined) {
      state.namesCartsFromMs = Math.min(state.namesCartsFromMs ?? Infinity, timeMs)
    }
    this.#copies.add(state, event.source, event.eventId, offset)
    this.#dirty.add(state)
    this.#pending.push({ event, key, offset, standing, surroundings, state, kept })
  }

  /** T4: a copy that comes later than this is too late to touch anything here. */
  #mayComeAgain(timeMs: number): boolean {
    const { settings, hasRetention = true } = this.#options
    const watermarkMs = this.#judgedMs ?? -Infinity
    return !hasRetention || timeMs + settings.allowedLatenessMs + graceMs > watermarkMs
  }

  cut(decision: Decision, processedAt: string): Cut {
    const { nextOffset, handsWatermark } = decision
    const watermarkMs = laterOf(decision.watermarkMs, this.#judgedMs)
    const due = this.#takeDue(watermarkMs ?? -Infinity)
    const hands = (): boolean =>
      handsWatermark && (this.#isUnhanded || watermarkMs !== this.#handedMs)
    if (nextOffset === this.#nextOffset && due.length === 0 && !hands()) return emptyCut
    this.#nextOffset = nextOffset
    this.#judgedMs = watermarkMs
    const output = new OutputBatch()
    const changelog: OutgoingRecord[] = []
    const folds = this.#foldDirty(due, processedAt, changelog)
    for (const pending of this.#pending) this.#tell(pending, folds, processedAt, output)
    for (const record of this.#rejected) output.add(topics.rejected.name, record)
    for (const fold of folds.values()) {
      addChanges(fold, output)
      this.#isUnhanded ||= fold.commands.length > 0
    }
    this.#tellLead(decision.number, output)
    if (hands()) this.#handWatermark(decision.number, watermarkMs, output)
    changelog.push(this.#position(decision))
    this.#dirty = new Set()
    this.#pending = []
    this.#rejected = []
    this.#visitors.settle()
    return { outputs: output.batches, changelog, isDecisive: [...folds.values()].some(isChange) }
  }

  #foldDirty(
    due: readonly VisitorState[],
    processedAt: string,
    changelog: OutgoingRecord[],
  ): Map<VisitorState, VisitorFold> {
    const context = this.#context(processedAt)
    const folds = new Map<VisitorState, VisitorFold>()
    const fold = (state: VisitorState, hasNews: boolean): void => {
      const folded = foldVisitor(state, context)
      folds.set(state, folded)
      // That time has closed a session can be told from the position alone.
      if (hasNews || folded.hasForgotten) changelog.push(this.#keep(state, folded.wakeMs))
      else this.#timers.set(this.#visitors.slotOf(state.visitor), folded.wakeMs)
    }
    for (const state of this.#dirty) fold(state, true)
    for (const state of due) if (!folds.has(state)) fold(state, false)
    return folds
  }

  #keep(state: VisitorState, wakeMs: number | null): OutgoingRecord {
    const { visitor } = state
    state.nextOffset = this.#nextOffset
    const isGone = isForgettable(state)
    const value = isGone ? null : this.#visitors.keep(visitor, state)
    const slot = this.#visitors.slotOf(visitor)
    if (slot >= 0) this.#timers.set(slot, isGone ? null : wakeMs)
    if (isGone) this.#visitors.drop(visitor)
    return stateRecord(visitor, value)
  }

  /** Before the cut's own watermark is what they were judged by. Timers have no order of their own that a restart keeps. */
  #takeDue(watermarkMs: number): VisitorState[] {
    const due = this.#timers.takeDue(watermarkMs).map((slot) => this.#visitors.keyAt(slot))
    return due.sort().flatMap((visitor) => this.#visitors.get(visitor) ?? [])
  }

  #decode(key: string, bytes: Buffer): VisitorState {
    const state = visitorCodec.decode(key, bytes)
    markClosed(state.sessions, this.#judgedMs ?? -Infinity)
    return state
  }

  #context(processedAt: string): FoldContext {
    const { partition, settings, hasRetention = true } = this.#options
    const watermarkMs = this.#judgedMs ?? -Infinity
    return { watermarkMs, settings, partition, processedAt, hasRetention }
  }

  #tell(
    { event, key, offset, standing, surroundings, state, kept }: Pending,
    folds: Map<VisitorState, VisitorFold>,
    processedAt: string,
    output: OutputBatch,
  ): void {
    const fold = folds.get(state)
    const { flags } = standing
    const known =
      kept && fold ? knownOf(kept, fold) : { personId: unkeptPerson(state, event), session: null }
    const facts: EnrichedFacts = { surroundings, flags, ...known, processedAt }
    const input = this.#positionOf(offset)
    output.add(topics.enriched.name, enrichedRecord(event, input, facts, key))
    this.#counts.enriched++
    if (flags.includes('late')) this.#counts.late++
    if (flags.includes('tooLate')) this.#counts.tooLate++
  }

  #tellLead(number: number, output: OutputBatch): void {
    const { lead, partitionCount } = this.#options
    if (partitionCount === 1) lead?.wrote(number, output.bytesTo(topics.cartsByPerson.name))
  }

  /** Behind everything that it covers, to every partition of both internal topics. */
  #handWatermark(number: number, watermarkMs: number | null, output: OutputBatch): void {
    this.#handedMs = watermarkMs
    this.#isUnhanded = false
    const { partition, partitionCount } = this.#options
    const sender = { stage: 'visitors', partition, of: partitionCount } as const
    const record = { ...sender, watermarkMs, cut: number }
    for (const topic of [topics.cartsById.name, topics.cartsByPerson.name]) {
      for (const each of watermarkRecords(record, partitionCount)) output.add(topic, each)
    }
  }

  #position({ number, nextOffset }: Decision): OutgoingRecord {
    const position: Position = {
      nextOffset,
      number,
      time: this.#time,
      handedMs: this.#handedMs,
      isUnhanded: this.#isUnhanded,
      judgedMs: this.#judgedMs,
      counts: this.#counts,
    }
    return positionRecord(position)
  }

  #stateOf(visitor: string): VisitorState {
    return this.#visitors.get(visitor) ?? this.#visitors.add(visitor, emptyVisitor(visitor))
  }

  #positionOf(offset: number): InputPosition {
    return { topic: topics.events.name, partition: this.#options.partition, offset }
  }
}

function isChange({ sessionChanges, commands }: VisitorFold): boolean {
  return sessionChanges.length > 0 || commands.length > 0
}

function addChanges({ sessionChanges, commands }: VisitorFold, output: OutputBatch): void {
  for (const { key, endedMs, record } of sessionChanges) {
    const value = record === null ? null : JSON.stringify(record)
    output.add(topics.sessions.name, { key, value, timestampMs: endedMs })
  }
  for (const { to, command } of commands) {
    output.add(topics[to].name, { key: command.key, value: JSON.stringify(command) })
  }
}

/** S6: what is known of an event's person and session when it is told. */
function knownOf(
  kept: VisitorEvent,
  { events, persons, sessions }: VisitorFold,
): Pick<EnrichedFacts, 'personId' | 'session'> {
  const personId = persons[events.lastIndexOf(kept)] ?? null
  const session = sessions.find(({ events: [first] }) => first?.sessionKey === kept.sessionKey)
  if (session === undefined || kept.sessionKey === null) return { personId, session: null }
  return {
    personId,
    session: {
      key: kept.sessionKey,
      number: session.events.lastIndexOf(kept) + 1,
      elapsedMs: kept.timeMs - session.firstMs,
    },
  }
}

function unkeptPerson(state: VisitorState, event: ReadEvent): string | null {
  return state.visitor.startsWith('n:') ? null : personAt(state, event)
}
