// Texts that come again and again (names, addresses of pages, user agents), found by their bytes: the same text costs no
// new string, and is held once. A place for each hash; whoever comes last has it.

interface Entry {
  bytes: Uint8Array
  text: string
}

export class Texts {
  readonly #entries: (Entry | undefined)[]
  readonly #mask: number

  /** A power of two. */
  constructor(places = 8192) {
    this.#entries = Array.from<Entry | undefined>({ length: places })
    this.#mask = places - 1
  }

  get(bytes: Buffer, start: number, end: number): string {
    const place = hashOf(bytes, start, end) & this.#mask
    const known = this.#entries[place]
    if (known !== undefined && isAt(bytes, start, end, known.bytes)) return known.text
    const text = bytes.toString('utf8', start, end)
    this.#entries[place] = { bytes: Uint8Array.prototype.slice.call(bytes, start, end), text }
    return text
  }
}

/** Of the length and at most 24 bytes, most of them at the end, where addresses differ. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = end - start
  const tail = Math.max(start, end - 12)
  for (let i = end - 1; i >= tail; i--) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193)
  const step = Math.max(1, (tail - start) >> 3)
  for (let i = start; i < tail; i += step) {
    hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193)
  }
  return hash ^ (hash >>> 15)
}

function isAt(bytes: Uint8Array, start: number, end: number, known: Uint8Array): boolean {
  if (known.length !== end - start) return false
  for (let i = 0; i < known.length; i++) if (bytes[start + i] !== known[i]) return false
  return true
}
