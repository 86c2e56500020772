// T2: how far event time has come on the partitions of the input topic that this process reads.
//
// The watermark is the least, over those partitions, of the greatest event time seen, minus `watermarkDelay`; it never
// goes back while they are the same, and a partition without a record has none, so it holds everything. A partition read
// to its end and silent for `idleTimeout` holds nothing any more; when all are, the watermark follows the shop's clock.
// While a load of past traffic is open, anywhere, only the load's records count and silence counts for nothing, so that
// neither a click during the first start nor a load that stalls closes anything early.

import { minuteMs } from '#stack/base/units.ts'
import type { Settings } from '#stack/contract/settings.ts'

/** A load without progress for this long is taken for ended (T2). */
export const stalledLoadMs = 15 * minuteMs

export interface OpenLoad {
  id: string
  /** The shop's time when its last record was read here. */
  progressMs: number
}

/** What one partition has told; plain, it lies in the changelog. */
export interface PartitionTime {
  /** The greatest event time of any record. */
  maxMs: number | null
  /** The greatest event time of a load's records. */
  loadMaxMs: number | null
  loads: OpenLoad[]
}

export function emptyPartitionTime(): PartitionTime {
  return { maxMs: null, loadMaxMs: null, loads: [] }
}

type WatermarkSettings = Pick<Settings, 'watermarkDelayMs' | 'idleTimeoutMs'>

export class InputWatermark {
  readonly #settings: WatermarkSettings
  readonly #limitMs: number
  readonly #partitions = new Map<number, PartitionTime>()
  readonly #silentSinceMs = new Map<number, number>()
  #watermarkMs: number | null = null

  /** `limitMs`: never goes beyond; for judging as of a time. */
  constructor(settings: WatermarkSettings, limitMs = Infinity) {
    this.#settings = settings
    this.#limitMs = limitMs
  }

  get watermarkMs(): number | null {
    return this.#watermarkMs
  }

  get hasOpenLoad(): boolean {
    for (const { loads } of this.#partitions.values()) if (loads.length > 0) return true
    return false
  }

  /**
   * A partition goes on from what its changelog says, which may be behind what was read of it before: so time is told
   * anew. That no partition goes back behind its own last cut, its stage sees to.
   */
  assign(partition: number, time: PartitionTime, nowMs: number): void {
    this.#partitions.set(partition, time)
    this.#silentSinceMs.set(partition, nowMs)
    this.#watermarkMs = null
  }

  revoke(partition: number): void {
    this.#partitions.delete(partition)
    this.#silentSinceMs.delete(partition)
  }

  /** Any record was read, also one that is no event. */
  heard(partition: number, nowMs: number): void {
    this.#silentSinceMs.set(partition, nowMs)
  }

  seen(partition: number, timeMs: number, loadId: string | undefined, nowMs: number): void {
    const time = this.#of(partition)
    if (time.maxMs === null || timeMs > time.maxMs) time.maxMs = timeMs
    if (loadId === undefined) return
    if (time.loadMaxMs === null || timeMs > time.loadMaxMs) time.loadMaxMs = timeMs
    const load = time.loads.find(({ id }) => id === loadId)
    if (load) load.progressMs = nowMs
    else time.loads.push({ id: loadId, progressMs: nowMs })
  }

  loadEnded(partition: number, loadId: string): void {
    const time = this.#of(partition)
    time.loads = time.loads.filter(({ id }) => id !== loadId)
  }

  /**
   * As far as records and silence carry it. `readToEnd` are the partitions of which nothing was left to read at
   * `nowMs`; whoever calls has asked for their ends at or after `nowMs`.
   */
  advance(nowMs: number, readToEnd: ReadonlySet<number>): number | null {
    this.#closeStalledLoads(nowMs)
    const isLoading = this.hasOpenLoad
    let leastMs = Infinity
    for (const [partition, time] of this.#partitions) {
      if (!isLoading && readToEnd.has(partition) && this.#isSilent(partition, nowMs)) continue
      const maxMs = isLoading ? time.loadMaxMs : time.maxMs
      if (maxMs === null) return this.#watermarkMs
      leastMs = Math.min(leastMs, maxMs)
    }
    if (leastMs === Infinity && this.#isEmpty) return this.#watermarkMs
    this.#raise((leastMs === Infinity ? nowMs : leastMs) - this.#settings.watermarkDelayMs)
    return this.#watermarkMs
  }

  /** To a time that somebody names: draining, and tests. */
  raiseTo(ms: number): void {
    this.#raise(ms)
  }

  #raise(ms: number): void {
    const bounded = Math.min(ms, this.#limitMs)
    if (this.#watermarkMs === null || bounded > this.#watermarkMs) this.#watermarkMs = bounded
  }

  /** Some partition has been silent for so long that it is worth asking whether it is read to its end. */
  hasSilence(nowMs: number): boolean {
    if (this.#isEmpty || this.hasOpenLoad) return false
    return [...this.#partitions.keys()].some((partition) => this.#isSilent(partition, nowMs))
  }

  /** An empty log has no time: what is written first may be of the past. */
  get #isEmpty(): boolean {
    for (const { maxMs } of this.#partitions.values()) if (maxMs !== null) return false
    return true
  }

  #isSilent(partition: number, nowMs: number): boolean {
    return nowMs - (this.#silentSinceMs.get(partition) ?? nowMs) >= this.#settings.idleTimeoutMs
  }

  #closeStalledLoads(nowMs: number): void {
    for (const time of this.#partitions.values()) {
      if (time.loads.some(({ progressMs }) => nowMs - progressMs >= stalledLoadMs)) {
        time.loads = time.loads.filter(({ progressMs }) => nowMs - progressMs < stalledLoadMs)
      }
    }
  }

  #of(partition: number): PartitionTime {
    const known = this.#partitions.get(partition)
    if (known) return known
    const fresh = emptyPartitionTime()
    this.#partitions.set(partition, fresh)
    return fresh
  }
}
