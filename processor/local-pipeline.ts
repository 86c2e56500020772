// The whole pipeline in one process without a broker: any number of partitions, any size of batch, any order in which
// partitions are read, restarts at any point. For tests of the rules and of their promise (T7) that the compacted result
// depends on the set of events alone.

import type { AbandonmentRecord, CartRecord } from '#stack/contract/cart.ts'
import { createCatalogue } from '#stack/contract/catalogue.ts'
import type { CatalogueLine } from '#stack/contract/catalogue.ts'
import { eventKey } from '#stack/contract/event-record.ts'
import type { EnrichedEvent, RejectedEvent, ShopEvent } from '#stack/contract/events.ts'
import type { SessionRecord } from '#stack/contract/session.ts'
import type { Settings } from '#stack/contract/settings.ts'
import { defaultSettings } from '#stack/contract/settings.ts'
import { topics } from '#stack/contract/topics.ts'
import { isoTime } from '#stack/base/units.ts'
import type { OutgoingRecord } from '#stack/kafka-client/records.ts'
import { createEnricher } from './enrich/enricher.ts'
import type { EnricherSources } from './enrich/enricher.ts'
import { nowhere } from './enrich/geography.ts'
import { LocalLog } from './local-log.ts'
import { OwnerStage } from './owner/owner-stage.ts'
import { VisitorStage } from './stage-one.ts'
import type { Stage } from './stage.ts'
import { PersonStage } from './stage-two.ts'
import { decisionsRecord, Restored } from './state/changelog.ts'
import { Task } from './task.ts'
import type { DecidedCut } from './task.ts'
import { Lead } from './time/lead.ts'
import { InputWatermark } from './time/watermark.ts'
import { stageDefinitions } from './topology.ts'
import type { StageDefinition, StageName } from './topology.ts'

/** So few that nearly every state is read back from its bytes. */
const decodedMax = 1

/** The end of time, as far as a date can say it: every window has closed. */
export const endOfTimeMs = 8_640_000_000_000_000

export interface LocalPipelineOptions {
  partitions?: number
  settings?: Partial<Settings>
  catalogue?: readonly CatalogueLine[]
  placeOf?: EnricherSources['placeOf']
  hasRetention?: boolean
  /** Judge as of this time: the watermark never passes it. */
  watermarkLimitMs?: number
  /** Offsets of a partition after which it is cut while there is more to read. */
  cutRecords?: number
  /** What may wait in stage two before stage one reads no further. */
  waitingBytesMax?: number
  /** How far records alone carry the watermark: as by T2, or not at all (then `advanceTo` does). */
  watermark?: 'byRecords' | 'byHand'
}

export interface LocalTables {
  events: EnrichedEvent[]
  rejected: RejectedEvent[]
  sessions: SessionRecord[]
  carts: CartRecord[]
  abandonments: AbandonmentRecord[]
}

interface Lane {
  definition: StageDefinition
  partition: number
  create(): Stage
  task: Task
}

/** Records read at a time and the lane to read next; a test shuffles both. */
export interface Reading {
  batchRecords?: number
  /** A partition is cut after each batch, as at its end; otherwise only where its task says. */
  cutsBatches?: boolean
  /** Chooses among the lanes that have something to read. */
  choose?(count: number): number
  /** Whether a lane is read at all for now. */
  reads?(stage: StageName, partition: number): boolean
}

export class LocalPipeline {
  readonly log: LocalLog
  readonly #lanes: Lane[]
  #lead: Lead
  #watermark: InputWatermark
  readonly #options: LocalPipelineOptions
  readonly #settings: Settings
  /** The shop's clock; what a test does not set does not move. */
  nowMs = 0

  constructor(options: LocalPipelineOptions = {}) {
    this.#options = options
    const { partitions = 1 } = options
    this.#settings = { ...defaultSettings, ...options.settings }
    this.log = new LocalLog(partitions)
    this.#lead = new Lead(options.waitingBytesMax ?? Infinity)
    this.#watermark = new InputWatermark(this.#settings, options.watermarkLimitMs)
    const byPartition = Array.from({ length: partitions }, (_, partition) =>
      this.#lanesOf(partition),
    )
    // Stage by stage: who always reads the first lane that can starves none before it.
    this.#lanes = Object.values(stageDefinitions).flatMap((definition) =>
      byPartition.flatMap((lanes) => lanes.filter((lane) => lane.definition === definition)),
    )
  }

  get watermarkMs(): number | null {
    return this.#watermark.watermarkMs
  }

  append(...events: readonly ShopEvent[]): void {
    for (const event of events) this.appendRecord(recordOf(event))
  }

  appendRecord(record: OutgoingRecord): void {
    this.log.append(topics.events.name, record)
  }

  /** Until nothing is left to read anywhere, and every partition has told how far time has come. */
  run(reading: Reading = {}): void {
    do {
      while (this.step(reading));
      for (const lane of this.#read(reading)) this.#write(lane, this.#cutAtEnd(lane))
    } while (this.#read(reading).some((lane) => this.#unread(lane) > 0))
  }

  /** One batch of one partition. Answers whether there was any. */
  step(reading: Reading = {}): boolean {
    const { batchRecords = 1000, cutsBatches = true, choose = () => 0 } = reading
    const waiting = this.#read(reading).filter((lane) => this.#unread(lane) > 0)
    const lane = waiting[waiting.length === 0 ? 0 : choose(waiting.length)]
    if (!lane) return false
    this.#write(lane, this.#take(lane, batchRecords))
    if (cutsBatches) this.#write(lane, this.#cutAtEnd(lane))
    return true
  }

  /** Something is left to read. */
  get hasMore(): boolean {
    return this.#lanes.some((lane) => this.#unread(lane) > 0)
  }

  /** Read by stage two before its turn. */
  get waitingBytes(): number {
    return this.#lanes.reduce((sum, { task }) => sum + (task.stage.waitingBytes ?? 0), 0)
  }

  /** Keys that any stage holds something of. */
  get keyCount(): number {
    return this.#lanes.reduce((count, { task }) => count + task.stage.keyCount, 0)
  }

  raiseTo(ms: number): void {
    this.#watermark.raiseTo(ms)
  }

  /** As if silence had carried the watermark to this time. */
  advanceTo(ms: number, reading?: Reading): void {
    this.raiseTo(ms)
    this.run(reading)
  }

  /** Closes everything that can close. */
  drain(reading?: Reading): void {
    this.run(reading)
    this.advanceTo(this.#options.watermarkLimitMs ?? endOfTimeMs, reading)
  }

  /** Every stage anew from its changelog, as after the end of its process. */
  restart(): void {
    // What a process has read and not written it has not seen.
    this.#lead = new Lead(this.#options.waitingBytesMax ?? Infinity)
    this.#watermark = new InputWatermark(this.#settings, this.#options.watermarkLimitMs)
    for (const lane of this.#lanes) this.#restore(lane)
  }

  /** Reads a batch of each partition; its process ends when so many records of the flush are written. */
  crashWhileWriting({ batchRecords = 1000, writtenRecords = 1 }): void {
    for (const lane of this.#lanes) {
      const cuts = this.#take(lane, batchRecords)
      const writes = this.#writesOf(lane, [...cuts, ...this.#cutAtEnd(lane)])
      for (const { topic, record } of writes.slice(0, writtenRecords))
        this.log.append(topic, record)
    }
    this.restart()
  }

  tables(): LocalTables {
    const { log } = this
    const parse = <T>(topic: string): T[] =>
      log
        .all(topic)
        .flatMap(({ value }) => (value === null ? [] : [JSON.parse(value.toString()) as T]))
    const once = <T extends { input: unknown }>(rows: T[]): T[] => [
      ...new Map(rows.map((row) => [JSON.stringify(row.input), row])).values(),
    ]
    return {
      events: once(parse<EnrichedEvent>(topics.enriched.name)),
      rejected: once(parse<RejectedEvent>(topics.rejected.name)),
      sessions: [...log.compacted<SessionRecord>(topics.sessions.name).values()],
      carts: [...log.compacted<CartRecord>(topics.carts.name).values()],
      abandonments: [...log.compacted<AbandonmentRecord>(topics.abandonment.name).values()],
    }
  }

  #lanesOf(partition: number): Lane[] {
    const {
      partitions = 1,
      catalogue = [],
      placeOf = () => nowhere,
      hasRetention = true,
      cutRecords,
    } = this.#options
    const settings = this.#settings
    const enrich = createEnricher({ catalogue: createCatalogue(catalogue), placeOf })
    const shared = { partition, partitionCount: partitions, settings, hasRetention, decodedMax }
    const visitors = (): Stage =>
      new VisitorStage({
        ...shared,
        enrich,
        watermark: this.#watermark,
        lead: this.#lead,
        now: () => this.nowMs,
      })
    const lane = (name: StageName, create: () => Stage): Lane => {
      const task = new Task(partition, create(), new Restored(), cutRecords)
      return { definition: stageDefinitions[name], partition, create, task }
    }
    return [
      lane('visitors', visitors),
      lane('cart-owners', () => new OwnerStage({ ...shared, lead: this.#lead })),
      lane('persons', () => new PersonStage(shared)),
    ]
  }

  #read({ reads = () => true }: Reading): Lane[] {
    const { isTooFar } = this.#lead
    return this.#lanes.filter(
      ({ definition: { name }, partition }) =>
        reads(name, partition) && !(isTooFar && name === 'visitors'),
    )
  }

  #unread({ definition, partition, task }: Lane): number {
    return this.log.partition(definition.input.name, partition).length - task.nextOffset
  }

  #take(lane: Lane, batchRecords: number): DecidedCut[] {
    const { task } = lane
    const processedAt = isoTime(this.nowMs)
    const cuts: DecidedCut[] = []
    const end = task.nextOffset + Math.min(batchRecords, this.#unread(lane))
    const records = this.log.partition(lane.definition.input.name, lane.partition)
    for (const record of records.slice(task.nextOffset, end)) {
      cuts.push(...task.repeat(record.offset, processedAt))
      task.take(record)
      while (task.isCutDue) cuts.push(this.#cutOf(task))
    }
    cuts.push(...task.repeat(task.nextOffset, processedAt))
    return cuts
  }

  #cutOf(task: Task): DecidedCut {
    if (this.#options.watermark !== 'byHand') this.#watermark.advance(this.nowMs, new Set())
    const { watermarkMs } = this.#watermark
    return task.cut({ watermarkMs, handsWatermark: true, processedAt: isoTime(this.nowMs) })
  }

  /** What is decided already is done first, as in a running lane. */
  #cutAtEnd({ task }: Lane): DecidedCut[] {
    const cuts = task.repeat(task.nextOffset, isoTime(this.nowMs))
    if (task.mayBeCut) cuts.push(this.#cutOf(task))
    return cuts
  }

  #write(lane: Lane, cuts: readonly DecidedCut[]): void {
    for (const { topic, record } of this.#writesOf(lane, cuts)) this.log.append(topic, record)
  }

  /** In the order in which a flush writes them. */
  #writesOf({ definition, partition }: Lane, cuts: readonly DecidedCut[]): Write[] {
    const topic = definition.changelog.name
    const own = (record: OutgoingRecord): Write => ({ topic, record: { ...record, partition } })
    const open = cuts.filter(({ cut }) => cut.isDecisive)
    const isTold = open.every(({ isRepeated }) => isRepeated)
    const decisions = isTold ? [] : [decisionsRecord(open.map(({ decision }) => decision))]
    const outputs = cuts.flatMap(({ cut }) => cut.outputs)
    return [
      ...decisions.map(own),
      ...outputs.flatMap((batch) =>
        batch.records.map((record) => ({ topic: batch.topic, record })),
      ),
      ...cuts.flatMap(({ cut }) => cut.changelog).map(own),
    ]
  }

  #restore(lane: Lane): void {
    const { definition, partition, create } = lane
    const restored = new Restored()
    for (const { key, value } of this.log.partition(definition.changelog.name, partition)) {
      restored.add(key, value)
    }
    lane.task = new Task(partition, create(), restored, this.#options.cutRecords)
    this.#write(lane, lane.task.repeat(lane.task.nextOffset, isoTime(this.nowMs)))
  }
}

interface Write {
  topic: string
  record: OutgoingRecord
}

export function recordOf(event: ShopEvent): OutgoingRecord {
  return {
    key: eventKey(event),
    value: JSON.stringify(event),
    timestampMs: Date.parse(event.eventTime),
  }
}
