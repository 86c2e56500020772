// Snappy, reading only, raw or in the framing that Java's clients write. Own code, because the bytes come from
// strangers: every length is checked before a byte is copied, so that nonsense costs an error and no time.
//
// Raw: uvarint unpacked length, then elements. The lowest two bits of a tag byte say which:
//   00 literal   upper six bits: length - 1, or from 60 on: so many of the next 1-4 bytes hold it (little-endian)
//   01 copy      three bits: length - 4; upper three bits and the next byte: offset
//   10 copy      upper six bits: length - 1; two bytes: offset        11 the same with four bytes
//
// xerial: 0x82 "SNAPPY" 0x00, int32 version, int32 compatible version, then int32 length + raw block each.

import { MalformedError, Reader } from './reader.ts'

const xerialMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
const xerialHeaderBytes = 16
/** Three bytes stand for at most 64: no buffer is made for a length that cannot be. */
const ratioMax = 22

export function unsnappy(packed: Buffer, bytesMax: number): Buffer {
  const isFramed = packed.subarray(0, xerialMagic.length).equals(xerialMagic)
  if (!isFramed) return unpackRaw(packed, bytesMax)
  const reader = new Reader(packed, xerialHeaderBytes)
  const blocks: Buffer[] = []
  let left = bytesMax
  while (reader.remaining > 0) {
    const block = unpackRaw(reader.bytes(reader.int32()), left)
    left -= block.length
    blocks.push(block)
  }
  return Buffer.concat(blocks)
}

function unpackRaw(packed: Buffer, bytesMax: number): Buffer {
  const reader = new Reader(packed)
  const length = reader.uvarint()
  if (length > Math.min(bytesMax, reader.remaining * ratioMax)) {
    throw new MalformedError(`a snappy block of ${length} bytes`)
  }
  const unpacked = Buffer.allocUnsafe(length)
  let at = 0
  while (reader.remaining > 0) {
    const tag = reader.uint8()
    at = (tag & 3) === 0 ? literal(reader, tag, unpacked, at) : copy(reader, tag, unpacked, at)
  }
  if (at !== length) throw new MalformedError('a snappy block that ends early')
  return unpacked
}

function literal(reader: Reader, tag: number, unpacked: Buffer, at: number): number {
  const short = tag >> 2
  const length = (short < 60 ? short : littleEndian(reader, short - 59)) + 1
  if (length > unpacked.length - at) throw new MalformedError('a snappy literal that is too long')
  reader.bytes(length).copy(unpacked, at)
  return at + length
}

function copy(reader: Reader, tag: number, unpacked: Buffer, at: number): number {
  const kind = tag & 3
  const length = kind === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1
  const offset =
    kind === 1 ? ((tag >> 5) << 8) | reader.uint8() : littleEndian(reader, kind === 2 ? 2 : 4)
  return copyBack(unpacked, at, offset, length)
}

function littleEndian(reader: Reader, bytes: number): number {
  return reader.buffer.readUIntLE(reader.need(bytes), bytes)
}

/** Repeats what was unpacked `offset` bytes ago; source and target may overlap. Returns where it ends. */
export function copyBack(unpacked: Buffer, at: number, offset: number, length: number): number {
  if (offset === 0 || offset > at || length > unpacked.length - at) {
    throw new MalformedError('a copy from or to outside of the block')
  }
  if (offset >= length) unpacked.copyWithin(at, at - offset, at - offset + length)
  else for (let i = at; i < at + length; i++) unpacked[i] = unpacked[i - offset] as number
  return at + length
}
