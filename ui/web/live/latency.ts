// From event to pixel: painted time minus event time over the events that frames carry, of the last minute.

interface Sample {
  paintedMs: number
  latencyMs: number
}

const windowMs = 60_000
const samplesMax = 3000

export class LatencyMeter {
  #samples: Sample[] = []

  add(paintedMs: number, eventMs: number): void {
    this.#samples.push({ paintedMs, latencyMs: Math.max(0, paintedMs - eventMs) })
    if (this.#samples.length > samplesMax) this.#samples.splice(0, samplesMax / 3)
  }

  percentiles(nowMs: number): { p50: number; p95: number } | undefined {
    this.#samples = this.#samples.filter(({ paintedMs }) => paintedMs > nowMs - windowMs)
    if (this.#samples.length === 0) return undefined
    const sorted = this.#samples.map((sample) => sample.latencyMs).sort((a, b) => a - b)
    const at = (share: number) =>
      sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as number
    return { p50: at(0.5), p95: at(0.95) }
  }
}
