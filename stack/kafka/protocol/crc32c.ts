// CRC-32C (Castagnoli, reflected polynomial 0x82f63b78), slicing by sixteen: sixteen table look-ups for sixteen bytes,
// which are read as four words. `slipway bench broker` depends on it more than on anything else here.

import { endianness } from 'node:os'

const slices = 16
const table = buildTable()
/** Shorter pieces are not worth a view of words. */
const wordsFromBytes = endianness() === 'LE' ? 64 : Infinity

/** Table `t` says what a byte does to the checksum that `t` more bytes follow. */
function buildTable(): Int32Array {
  const all = new Int32Array(256 * slices)
  for (let i = 0; i < 256; i++) {
    let crc = i
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
    all[i] = crc
  }
  for (let i = 256; i < all.length; i++) {
    const crc = all[i - 256]!
    all[i] = (crc >>> 8) ^ all[crc & 0xff]!
  }
  return all
}

/** Unsigned 32 bits over `bytes[start, end)`. */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length): number {
  let crc = -1
  let i = start
  if (end - start >= wordsFromBytes) {
    while (((bytes.byteOffset + i) & 3) !== 0) crc = addByte(crc, bytes[i++]!)
    const words = new Int32Array(bytes.buffer, bytes.byteOffset + i, ((end - i) >>> 4) << 2)
    crc = addWords(crc, words)
    i += words.length * 4
  }
  while (i < end) crc = addByte(crc, bytes[i++]!)
  return ~crc >>> 0
}

function addByte(crc: number, byte: number): number {
  return (crc >>> 8) ^ table[(crc ^ byte) & 0xff]!
}

/** A multiple of four words. */
function addWords(before: number, words: Int32Array): number {
  let crc = before
  for (let i = 0; i < words.length; i += 4) {
    const a = crc ^ words[i]!
    const b = words[i + 1]!
    const c = words[i + 2]!
    const d = words[i + 3]!
    crc =
      table[0xf00 | (a & 0xff)]! ^
      table[0xe00 | ((a >>> 8) & 0xff)]! ^
      table[0xd00 | ((a >>> 16) & 0xff)]! ^
      table[0xc00 | (a >>> 24)]! ^
      table[0xb00 | (b & 0xff)]! ^
      table[0xa00 | ((b >>> 8) & 0xff)]! ^
      table[0x900 | ((b >>> 16) & 0xff)]! ^
      table[0x800 | (b >>> 24)]! ^
      table[0x700 | (c & 0xff)]! ^
      table[0x600 | ((c >>> 8) & 0xff)]! ^
      table[0x500 | ((c >>> 16) & 0xff)]! ^
      table[0x400 | (c >>> 24)]! ^
      table[0x300 | (d & 0xff)]! ^
      table[0x200 | ((d >>> 8) & 0xff)]! ^
      table[0x100 | ((d >>> 16) & 0xff)]! ^
      table[d >>> 24]!
  }
  return crc
}
