// The watermark of the live view: the least of the newest event times of the partitions, minus the slack for
// disorder. A partition that was read to its end and has been silent for the idle time is left out; when all are,
// the shop's clock stands in, so that seconds still close. It never goes back.

export interface WatermarkSettings {
  watermarkDelayMs: number
  idleTimeoutMs: number
}

interface PartitionTime {
  newestMs: number
  /** Shop time of the last batch. */
  heardMs: number
  atEnd: boolean
}

export class LiveWatermark {
  readonly #settings: WatermarkSettings
  readonly #partitions = new Map<number, PartitionTime>()
  #valueMs: number | null = null

  constructor(settings: WatermarkSettings) {
    this.#settings = settings
  }

  /** `newestMs` 0: no record of it was read yet. */
  observe(partition: number, newestMs: number, atEnd: boolean, nowMs: number): void {
    const known = this.#partitions.get(partition)
    this.#partitions.set(partition, {
      newestMs: Math.max(known?.newestMs ?? newestMs, newestMs),
      heardMs: nowMs,
      atEnd,
    })
  }

  at(nowMs: number): number | null {
    const partitions = [...this.#partitions.values()]
    if (partitions.length === 0) return null
    const active = partitions.filter(
      ({ atEnd, heardMs }) => !atEnd || nowMs - heardMs < this.#settings.idleTimeoutMs,
    )
    // One that is still to be read says nothing yet; one without records only counts once it is idle.
    if (active.some(({ newestMs }) => newestMs === 0)) return this.#valueMs
    // An event may be up to five minutes ahead of its arrival; the view's own clock bounds what is closed.
    const newestMs = Math.min(nowMs, ...active.map((partition) => partition.newestMs))
    const valueMs = newestMs - this.#settings.watermarkDelayMs
    if (this.#valueMs === null || valueMs > this.#valueMs) this.#valueMs = valueMs
    return this.#valueMs
  }
}
