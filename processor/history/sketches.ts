// Two fixed-size memories that never miss and sometimes cry wolf; what they point at is then looked up in DuckDB.
//
//   SeenIds   has (source, eventId) been here? A Bloom filter: 16 MiB, four bits an id; at eight million ids one look
//             in four hundred is in vain.
//   PaceSketch has this visitor had so many events in this minute? One row of counters: 8 MiB, collisions only add.

const seenBits = 2 ** 27
const probes = 4

export class SeenIds {
  readonly #words = new Uint32Array(seenBits / 32)

  /** True when it may have been added before; adds it. */
  add(source: string, eventId: string): boolean {
    const first = hash(eventId, hash(source, 0x811c9dc5))
    const second = mix(first) | 1
    let mayBeKnown = true
    for (let i = 0, at = first; i < probes; i++, at = (at + second) >>> 0) {
      const bit = at % seenBits
      const word = bit >>> 5
      const mask = 1 << (bit & 31)
      const bits = this.#words[word] as number
      if ((bits & mask) === 0) {
        mayBeKnown = false
        this.#words[word] = bits | mask
      }
    }
    return mayBeKnown
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
