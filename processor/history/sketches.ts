// Memories of fixed size that never miss and sometimes cry wolf; what they point at is then looked up in DuckDB.
//
//   SeenIds   has (source, eventId) been here? A Bloom filter: 16 MiB, four bits an id; at eight million ids one look
//             in four hundred is in vain.
//   KnownRows has this row been written? A filter of 4 MiB, and the newest rows themselves, so that what comes again
//             within minutes needs no look.
//   PaceSketch has this visitor had so many events in this minute? One row of counters: 8 MiB, collisions only add.

const probes = 4

class BloomFilter {
  readonly #words: Uint32Array
  readonly #bits: number

  /** A power of two. */
  constructor(bits: number) {
    this.#bits = bits
    this.#words = new Uint32Array(bits / 32)
  }

  /** True when it may have been added before; adds it. */
  add(hashed: number): boolean {
    const step = mix(hashed) | 1
    let mayBeKnown = true
    for (let i = 0, at = hashed; i < probes; i++, at = (at + step) >>> 0) {
      const word = (at % this.#bits) >>> 5
      const mask = 1 << (at & 31)
      const bits = this.#words[word] as number
      if ((bits & mask) === 0) {
        mayBeKnown = false
        this.#words[word] = bits | mask
      }
    }
    return mayBeKnown
  }

  has(hashed: number): boolean {
    const step = mix(hashed) | 1
    for (let i = 0, at = hashed; i < probes; i++, at = (at + step) >>> 0) {
      const word = (at % this.#bits) >>> 5
      if (((this.#words[word] as number) & (1 << (at & 31))) === 0) return false
    }
    return true
  }
}

export class SeenIds {
  readonly #filter = new BloomFilter(2 ** 27)

  /** True when it may have been added before; adds it. */
  add(source: string, eventId: string): boolean {
    return this.#filter.add(hash(eventId, hash(source, hashStart)))
  }
}

export class KnownRows {
  readonly #filter = new BloomFilter(2 ** 25)
  /** Half of what is remembered, and what came before it: to let go of one row at a time costs a set more and more. */
  #newest = new Set<string>()
  #older = new Set<string>()
  readonly #halfMax: number

  constructor(newestMax = 20_000) {
    this.#halfMax = newestMax / 2
  }

  add(row: string): void {
    this.#filter.add(hash(row, hashStart))
    if (this.#newest.size >= this.#halfMax) {
      this.#older = this.#newest
      this.#newest = new Set()
    }
    if (this.#halfMax > 0) this.#newest.add(row)
  }

  has(row: string): 'yes' | 'no' | 'perhaps' {
    if (this.#newest.has(row) || this.#older.has(row)) return 'yes'
    return this.#filter.has(hash(row, hashStart)) ? 'perhaps' : 'no'
  }
}

const paceCells = 2 ** 22
const paceMax = 0xffff

export class PaceSketch {
  readonly #counts = new Uint16Array(paceCells)

  /** An upper bound of how many events of the visitor were counted in this minute, this one included. */
  count(visitor: string, minute: number): number {
    const at = mix(hash(visitor, minute >>> 0)) % paceCells
    const count = Math.min((this.#counts[at] as number) + 1, paceMax)
    this.#counts[at] = count
    return count
  }
}

const hashStart = 0x811c9dc5

/** FNV-1a over UTF-16 units. */
function hash(text: string, start: number): number {
  let h = start
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return h >>> 0
}

/** Murmur3's finalizer: every bit of the input moves every bit of the output. */
function mix(value: number): number {
  let h = value
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
