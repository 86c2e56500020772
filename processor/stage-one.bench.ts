// What the stages cost without a broker: simulated traffic through stage one, the hop and stage two in one process, each
// measured by itself, in microseconds of CPU per event of the input. Also how much they write per event, since encoding and
// decoding records is the larger part of a running pipeline.

import { loadCatalogue } from '#stack/contract/catalogue.ts'
import { defaultSettings } from '#stack/contract/settings.ts'
import { topics } from '#stack/contract/topics.ts'
import { createSimulation } from '#stack/shop/simulate/simulation.ts'
import { outgoingRecord } from '#stack/shop/simulate/outgoing.ts'
import type { OutgoingRecord } from '#stack/kafka-client/records.ts'
import { createEnricher } from './enrich/enricher.ts'
import { loadGeography } from './enrich/geography.ts'
import { LocalLog } from './local-log.ts'
import { OwnerStage } from './owner/owner-stage.ts'
import { VisitorStage } from './stage-one.ts'
import type { Stage } from './stage.ts'
import { PersonStage } from './stage-two.ts'
import { Restored } from './state/changelog.ts'
import { InputWatermark } from './time/watermark.ts'

export interface StagesBench {
  events: number
  /** By stage: microseconds of CPU, the garbage collector's included, per event of the input. */
  microsPerEvent: Record<string, number>
  /** By topic: records and bytes written per event of the input. */
  written: Record<string, { recordsPerEvent: number; bytesPerEvent: number }>
  keys: Record<string, number>
}

const partitionCount = 4
const cutRecords = 2048

export async function benchStages({ days = 10, seed = 1 } = {}): Promise<StagesBench> {
  const log = await simulatedLog(days, seed)
  const events = log.all(topics.events.name).length
  const watermark = new InputWatermark(defaultSettings)
  const placeOf = loadGeography()
  const enrich = createEnricher({ catalogue: loadCatalogue(), placeOf })
  const settings = defaultSettings
  const shared = { partitionCount, settings }
  const tally = new Tally(log)
  const microsPerEvent: Record<string, number> = {}
  const keys: Record<string, number> = {}
  const lanes: [string, string, string, (partition: number) => Stage, () => void][] = [
    [
      'visitors',
      topics.events.name,
      topics.visitorsChangelog.name,
      (partition) => new VisitorStage({ ...shared, partition, enrich, watermark, now: () => 0 }),
      () => watermark.advance(0, new Set()),
    ],
    [
      'cart-owners',
      topics.cartsById.name,
      topics.cartOwnersChangelog.name,
      (partition) => new OwnerStage({ ...shared, partition }),
      () => {},
    ],
    [
      'persons',
      topics.cartsByPerson.name,
      topics.personsChangelog.name,
      (partition) => new PersonStage({ ...shared, partition }),
      () => {},
    ],
  ]
  for (const [name, input, changelog, create, beforeCut] of lanes) {
    const timed = runLane(log, { input, changelog, create, beforeCut }, tally)
    microsPerEvent[name] = timed.spentMicros / events
    keys[name] = timed.keys
  }
  return { events, microsPerEvent, written: tally.perEvent(events), keys }
}

async function simulatedLog(days: number, seed: number): Promise<LocalLog> {
  const openingMs = Date.parse('2026-03-01T00:00:00.000Z')
  const simulation = await createSimulation({
    seed,
    days,
    openingMs,
    profile: 'full',
    liveEventsPerSecond: 0,
  })
  const log = new LocalLog(partitionCount)
  for (const delivery of simulation.records({ arrivalsUntilMs: openingMs })) {
    if (delivery.receivedMs > openingMs) break
    log.append(topics.events.name, outgoingRecord(delivery))
  }
  return log
}

interface LaneBench {
  input: string
  changelog: string
  create(partition: number): Stage
  beforeCut(): void
}

/** A batch of each partition in turn, as a consumer that reads them all does. */
function runLane(
  log: LocalLog,
  lane: LaneBench,
  tally: Tally,
): { spentMicros: number; keys: number } {
  const stages = Array.from({ length: partitionCount }, (_, p) => lane.create(p))
  for (const stage of stages) stage.restore(new Restored())
  const processedAt = '2026-03-01T00:00:00.000Z'
  let spentMicros = 0
  let isDone = false
  for (let from = 0; !isDone; from += cutRecords) {
    isDone = true
    for (const [partition, stage] of stages.entries()) {
      const records = log.partition(lane.input, partition).slice(from, from + cutRecords)
      if (records.length === 0) continue
      isDone = false
      const before = process.cpuUsage()
      for (const record of records) stage.take(record)
      lane.beforeCut()
      const nextOffset = from + records.length
      const decision = {
        number: 1,
        nextOffset,
        watermarkMs: stage.watermarkMs,
        handsWatermark: true,
      }
      const { outputs, changelog } = stage.cut(decision, processedAt)
      const { user, system } = process.cpuUsage(before)
      spentMicros += user + system
      for (const { topic, records: out } of outputs)
        for (const record of out) tally.add(topic, record)
      for (const record of changelog) tally.add(lane.changelog, { ...record, partition })
    }
  }
  return { spentMicros, keys: stages.reduce((count, stage) => count + stage.keyCount, 0) }
}

/** Counts what is written; keeps only what a later stage reads, since a large heap would slow everything down. */
class Tally {
  readonly #log: LocalLog
  readonly #counts = new Map<string, { records: number; bytes: number }>()

  constructor(log: LocalLog) {
    this.#log = log
  }

  add(topic: string, record: OutgoingRecord): void {
    const count = this.#counts.get(topic) ?? { records: 0, bytes: 0 }
    this.#counts.set(topic, count)
    count.records++
    count.bytes += record.value === null ? 0 : Buffer.byteLength(record.value)
    if (topic === topics.cartsById.name || topic === topics.cartsByPerson.name) {
      this.#log.append(topic, record)
    }
  }

  perEvent(events: number): StagesBench['written'] {
    return Object.fromEntries(
      [...this.#counts].map(([topic, { records, bytes }]) => [
        topic,
        { recordsPerEvent: records / events, bytesPerEvent: bytes / events },
      ]),
    )
  }
}
