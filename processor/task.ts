// One partition of one stage as it is run: which record comes next, and where it was cut.
//
// While there is more to read, a cut falls after every `cutRecords`-th offset, or where the stage says; at the end of the
// partition, where whoever runs it says. So reading the same log again cuts it in the same places.
//
// Where it says, and at which watermark, is chance: a clock, the speed of other partitions. So a decision is
// written to the changelog before the outputs of its cut. After a crash in between, the same records are taken again, cut
// at the same place and judged at the same watermark, and so write the same outputs once more, and no others beside them:
// no session or verdict is left behind that a later, other cut would never have published.

import type { IncomingRecord } from '#stack/kafka-client/records.ts'
import type { Cut, Decision, Stage } from './stage.ts'
import type { Restored } from './state/changelog.ts'

/** A cut with the decision it came of. */
export interface DecidedCut {
  decision: Decision
  cut: Cut
  /** Its decision is known already: it was made before a restart. */
  isRepeated: boolean
}

export interface Choice {
  watermarkMs: number | null
  handsWatermark: boolean
  processedAt: string
}

/** A cut after each so many offsets, while there is more to read. */
const defaultCutRecords = 2048

export class Task<S extends Stage = Stage> {
  readonly partition: number
  readonly stage: S
  readonly #cutRecords: number
  /** Offset after the last record taken. */
  nextOffset: number
  /** Offset at the last cut. */
  cutOffset: number
  #number: number
  /** Decided before a restart, and not known to be written. */
  #repeats: Decision[]

  constructor(
    partition: number,
    stage: S,
    changelog: Restored,
    cutRecords: number = defaultCutRecords,
  ) {
    this.partition = partition
    this.stage = stage
    this.#cutRecords = cutRecords
    const { nextOffset, number } = stage.restore(changelog)
    this.nextOffset = nextOffset
    this.cutOffset = nextOffset
    this.#number = number
    this.#repeats = changelog.decisions().filter((decision) => decision.number > number)
  }

  /** Before anything may be decided anew, what was decided is done again. */
  get isRepeating(): boolean {
    return this.#repeats.length > 0
  }

  /** A cut falls here, also while there is more to read. */
  get isCutDue(): boolean {
    if (this.isRepeating) return false
    const { nextOffset, cutOffset } = this
    return this.stage.isCutDue ?? (nextOffset > cutOffset && nextOffset % this.#cutRecords === 0)
  }

  /** It may be cut here because there is nothing more to read. */
  get mayBeCut(): boolean {
    return !this.isRepeating && this.stage.isCutDue === undefined
  }

  take(record: IncomingRecord): void {
    this.stage.take(record)
    this.nextOffset = record.offset + 1
  }

  /** The cuts that fall, as decided, before the record at this offset is taken. */
  repeat(offset: number, processedAt: string): DecidedCut[] {
    const cuts: DecidedCut[] = []
    for (;;) {
      const decision = this.#repeats[0]
      if (decision === undefined || decision.nextOffset > offset) return cuts
      this.#repeats.shift()
      this.nextOffset = Math.max(this.nextOffset, decision.nextOffset)
      cuts.push({ ...this.#decided(decision, processedAt), isRepeated: true })
    }
  }

  cut({ watermarkMs, handsWatermark, processedAt }: Choice): DecidedCut {
    const nextOffset = this.stage.waitingOffset ?? this.nextOffset
    const number = this.#number + 1
    const decision = { number, nextOffset, watermarkMs, handsWatermark }
    return { ...this.#decided(decision, processedAt), isRepeated: false }
  }

  #decided(decision: Decision, processedAt: string): { decision: Decision; cut: Cut } {
    this.#number = decision.number
    this.cutOffset = this.nextOffset
    return { decision, cut: this.stage.cut(decision, processedAt) }
  }
}
