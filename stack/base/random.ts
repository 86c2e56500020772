// Seeded random numbers (sfc32). One integer seed gives one sequence on every machine; `fork(label)` gives an
// independent stream, so that more consumers of randomness never change what earlier ones drew.

export class Random {
  #a: number
  #b: number
  #c: number
  #d: number
  readonly #seed: string

  constructor(seed: number | string) {
    this.#seed = String(seed)
    const hash = xmur3(this.#seed)
    this.#a = hash()
    this.#b = hash()
    this.#c = hash()
    this.#d = hash()
    for (let i = 0; i < 12; i++) this.#next()
  }

  fork(label: number | string): Random {
    return new Random(`${this.#seed}/${label}`)
  }

  /** [0, 1) */
  float(): number {
    return this.#next() / 4294967296
  }

  /** An integer in [0, n). */
  int(n: number): number {
    return Math.floor(this.float() * n)
  }

  between(low: number, high: number): number {
    return low + this.float() * (high - low)
  }

  chance(probability: number): boolean {
    return this.float() < probability
  }

  pick<T>(items: readonly T[]): T {
    return items[this.int(items.length)] as T
  }

  /** An index, drawn in proportion to its weight. */
  weighted(weights: readonly number[]): number {
    let total = 0
    for (const weight of weights) total += weight
    let rest = this.float() * total
    for (let i = 0; i < weights.length; i++) {
      rest -= weights[i] as number
      if (rest < 0) return i
    }
    return weights.length - 1
  }

  /** Standard normal, by Box and Muller. */
  normal(): number {
    const u = 1 - this.float()
    return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * this.float())
  }

  logNormal(median: number, sigma: number): number {
    return median * Math.exp(sigma * this.normal())
  }

  exponential(mean: number): number {
    return -mean * Math.log(1 - this.float())
  }

  shuffle<T>(items: readonly T[]): T[] {
    const out = [...items]
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.int(i + 1)
      ;[out[i], out[j]] = [out[j] as T, out[i] as T]
    }
    return out
  }

  #next(): number {
    const t = (this.#a + this.#b + this.#d) | 0
    this.#d = (this.#d + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (this.#c << 21) | (this.#c >>> 11)
    this.#c = (this.#c + t) | 0
    return t >>> 0
  }
}

function xmur3(text: string): () => number {
  let h = 1779033703 ^ text.length
  for (let i = 0; i < text.length; i++) {
    h = Math.imul(h ^ text.charCodeAt(i), 3432918353)
    h = (h << 13) | (h >>> 19)
  }
  return () => {
    h = Math.imul(h ^ (h >>> 16), 2246822507)
    h = Math.imul(h ^ (h >>> 13), 3266489909)
    h ^= h >>> 16
    return h >>> 0
  }
}
