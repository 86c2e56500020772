// Decompressors for the four codecs. The broker stores what it is given; it looks inside only for time queries and
// for keys on compacted topics. gzip and zstd come with Node; snappy may be raw or in the xerial framing that Java's
// clients write; lz4 is the frame format.

import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import lz4 from 'lz4js'
import snappy from 'snappyjs'
import { MalformedError } from './reader.ts'

export const codecs = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const
export const codecMax = codecs.zstd

/** Throws MalformedError where the bytes are not what the codec says, or hold more than `bytesMax`. */
export function decompress(codec: number, packed: Buffer, bytesMax: number): Buffer {
  try {
    switch (codec) {
      case codecs.none:
        return packed
      case codecs.gzip:
        return gunzipSync(packed, { maxOutputLength: bytesMax })
      case codecs.snappy:
        return unsnappy(packed, bytesMax)
      case codecs.lz4:
        return Buffer.from(lz4.decompress(packed, bytesMax))
      case codecs.zstd:
        return zstdDecompressSync(packed, { maxOutputLength: bytesMax })
      default:
        throw new MalformedError(`codec ${codec}`)
    }
  } catch (error) {
    if (error instanceof MalformedError) throw error
    throw new MalformedError(`records do not decompress: ${String(error)}`)
  }
}

// xerial framing: 0x82 "SNAPPY" 0x00, int32 version, int32 compatible version, then int32 length + raw block each.
const xerialMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])

function unsnappy(packed: Buffer, bytesMax: number): Buffer {
  if (!packed.subarray(0, 8).equals(xerialMagic))
    return Buffer.from(snappy.uncompress(packed, bytesMax))
  const blocks: Buffer[] = []
  let left = bytesMax
  for (let position = 16; position + 4 <= packed.length;) {
    const length = packed.readInt32BE(position)
    if (length < 0 || position + 4 + length > packed.length)
      throw new MalformedError('a snappy block')
    const block = Buffer.from(
      snappy.uncompress(packed.subarray(position + 4, position + 4 + length), left),
    )
    left -= block.length
    blocks.push(block)
    position += 4 + length
  }
  return Buffer.concat(blocks)
}
