// The watermark of one partition of an internal topic: the least over everybody who writes into it, none until all of
// them have been heard. A sender promises that whatever it read up to a watermark was written before that record.

import type { WatermarkRecord } from '../model.ts'

type Stage = WatermarkRecord['stage']

/** What a sender said last; plain, it lies in the changelog. */
export type Heard = Pick<WatermarkRecord, 'stage' | 'partition' | 'of' | 'watermarkMs'>

export class HandedWatermark {
  readonly #stages: readonly Stage[]
  readonly #heard = new Map<string, Heard>()
  readonly #senders = new Map<Stage, number>()
  #watermarkMs: number | null = null

  constructor(stages: readonly Stage[], restored: readonly Heard[] = []) {
    this.#stages = stages
    for (const heard of restored) this.hear(heard)
  }

  hear({ stage, partition, of, watermarkMs }: Heard): void {
    const sender = `${stage}/${partition}`
    const before = this.#heard.get(sender)?.watermarkMs ?? null
    const isLater = before === null || (watermarkMs !== null && watermarkMs > before)
    this.#heard.set(sender, { stage, partition, of, watermarkMs: isLater ? watermarkMs : before })
    this.#senders.set(stage, of)
    this.#watermarkMs = this.#least()
  }

  get watermarkMs(): number | null {
    return this.#watermarkMs
  }

  /** For the changelog and for status. */
  get heard(): Heard[] {
    return [...this.#heard.values()]
  }

  #least(): number | null {
    let awaited = 0
    for (const stage of this.#stages) {
      const senders = this.#senders.get(stage)
      if (senders === undefined) return null
      awaited += senders
    }
    if (this.#heard.size < awaited) return null
    let leastMs = Infinity
    for (const { watermarkMs } of this.#heard.values()) {
      if (watermarkMs === null) return null
      leastMs = Math.min(leastMs, watermarkMs)
    }
    return leastMs
  }
}
