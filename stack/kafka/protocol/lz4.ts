// LZ4 frames, reading only. Own code, because the bytes come from strangers: every length is checked before a byte is
// copied. Checksums are not: the CRC of the batch covers the frame.
//
// Frame, all little-endian: uint32 magic, byte flags, byte block size, [int64 content size], byte checksum, then blocks:
// uint32 size (highest bit: stored as it is), bytes, [uint32 checksum]; a size of 0 ends it, [uint32 checksum] follows.
// Block: sequences of a token byte (upper half: literal length, lower half: match length - 4; 15 goes on in bytes of
// 255 and less), the literals, and a uint16 offset of the match; the last sequence ends behind its literals.

import { MalformedError, Reader } from './reader.ts'
import { copyBack } from './snappy.ts'

const magic = 0x184d2204
const flags = { blockChecksum: 0x10, contentSize: 0x08 } as const
const storedBit = 0x80000000
const matchBytesMin = 4
/** One byte stands for at most 255 more: no buffer is made for a length that cannot be. */
const ratioMax = 256

interface Block {
  bytes: Buffer
  isStored: boolean
}

export function unlz4(packed: Buffer, bytesMax: number): Buffer {
  const { blocks, bytesBound } = blocksOf(packed)
  const unpacked = Buffer.allocUnsafe(Math.min(bytesBound, packed.length * ratioMax, bytesMax))
  let at = 0
  for (const { bytes, isStored } of blocks) {
    at = isStored
      ? literals(new Reader(bytes), bytes.length, unpacked, at)
      : block(bytes, unpacked, at)
  }
  return unpacked.subarray(0, at)
}

function blocksOf(packed: Buffer): { blocks: Block[]; bytesBound: number } {
  const reader = new Reader(packed)
  if (uint32(reader) !== magic) throw new MalformedError('no lz4 frame')
  const flag = reader.uint8()
  const blockBytesMax = 4 ** (((reader.uint8() >> 4) & 7) + 4)
  reader.need(flag & flags.contentSize ? 9 : 1)
  const blocks: Block[] = []
  let bytesBound = 0
  for (let size = uint32(reader); size !== 0; size = uint32(reader)) {
    const isStored = size >= storedBit
    const bytes = reader.bytes(size % storedBit)
    if (bytes.length > blockBytesMax) throw new MalformedError('an lz4 block that is too long')
    if (flag & flags.blockChecksum) reader.need(4)
    blocks.push({ bytes, isStored })
    bytesBound += isStored ? bytes.length : blockBytesMax
  }
  return { blocks, bytesBound }
}

function block(bytes: Buffer, unpacked: Buffer, start: number): number {
  const reader = new Reader(bytes)
  let at = start
  while (reader.remaining > 0) {
    const token = reader.uint8()
    at = literals(reader, extended(reader, token >> 4), unpacked, at)
    if (reader.remaining === 0) break
    const offset = reader.buffer.readUInt16LE(reader.need(2))
    at = copyBack(unpacked, at, offset, extended(reader, token & 15) + matchBytesMin)
  }
  return at
}

function literals(reader: Reader, length: number, unpacked: Buffer, at: number): number {
  if (length > unpacked.length - at) throw new MalformedError('lz4 literals that are too long')
  reader.bytes(length).copy(unpacked, at)
  return at + length
}

function extended(reader: Reader, short: number): number {
  let length = short
  if (short < 15) return length
  for (let more = 255; more === 255;) {
    more = reader.uint8()
    length += more
  }
  return length
}

function uint32(reader: Reader): number {
  return reader.buffer.readUInt32LE(reader.need(4))
}
