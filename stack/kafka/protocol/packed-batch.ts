// Batches with their records packed, as clients send them. For tests only: of snappy and lz4 the broker has but readers.

import { createRequire } from 'node:module'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { codecs } from './compression.ts'
import { crc32c } from './crc32c.ts'
import { batchHeaderBytes } from './record-batch.ts'

const require = createRequire(import.meta.url)
export const { compress: snappy } = require('snappyjs') as { compress(bytes: Buffer): Buffer }
const { compress: lz4Frame } = require('lz4js') as { compress(bytes: Buffer): Uint8Array }

/** Snappy in the framing of Java's clients, in two blocks. */
export function xerial(bytes: Buffer): Buffer {
  const magic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1])
  const blocks = [bytes.subarray(0, 100), bytes.subarray(100)].flatMap((part) => {
    const block = snappy(part)
    const size = Buffer.alloc(4)
    size.writeInt32BE(block.length)
    return [size, block]
  })
  return Buffer.concat([magic, ...blocks])
}

/** Of one block. The library says neither that blocks stand alone, which Kafka insists on, nor that one is stored as it is. */
export function lz4(bytes: Buffer): Buffer {
  const frame = Buffer.from(lz4Frame(bytes))
  frame.set(independentBlocks, 4)
  const isStored = frame.subarray(11, 11 + bytes.length).equals(bytes)
  if (isStored) frame.writeUInt32LE(bytes.length + 0x80000000, 7)
  return frame
}

/** Flags, size of blocks (4 MiB), and the checksum of both. */
const independentBlocks = [0x60, 0x70, 0x73]

type Pack = (bytes: Buffer) => Uint8Array

/** By codec. */
const packers: Readonly<Record<number, Pack>> = {
  [codecs.none]: asItIs,
  [codecs.gzip]: gzipSync,
  [codecs.snappy]: xerial,
  [codecs.lz4]: lz4,
  [codecs.zstd]: zstdCompressSync,
}

function asItIs(bytes: Buffer): Buffer {
  return bytes
}

/** The same batch, which is not packed yet, with its records packed. */
export function packBatch(
  plain: Buffer,
  codec: number,
  pack: Pack = packers[codec] ?? asItIs,
): Buffer {
  const body = pack(plain.subarray(batchHeaderBytes))
  const batch = Buffer.concat([plain.subarray(0, batchHeaderBytes), body])
  batch.writeInt32BE(batch.length - 12, 8)
  batch.writeInt16BE(batch.readInt16BE(21) | codec, 21)
  batch.writeUInt32BE(crc32c(batch, 21), 17)
  return batch
}
