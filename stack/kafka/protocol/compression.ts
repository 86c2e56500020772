// Decompressors for the four codecs. The broker stores what it is given; it looks inside only for time queries and
// for keys on compacted topics. gzip and zstd come with Node, snappy and lz4 are read here.

import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { unlz4 } from './lz4.ts'
import { MalformedError } from './reader.ts'
import { unsnappy } from './snappy.ts'

export const codecs = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const
export const codecMax = codecs.zstd

type Unpack = (packed: Buffer, bytesMax: number) => Buffer

const unpackers: Readonly<Record<number, Unpack>> = {
  [codecs.none]: (packed) => packed,
  [codecs.gzip]: (packed, maxOutputLength) => gunzipSync(packed, { maxOutputLength }),
  [codecs.snappy]: unsnappy,
  [codecs.lz4]: unlz4,
  [codecs.zstd]: (packed, maxOutputLength) => zstdDecompressSync(packed, { maxOutputLength }),
}

/** With the codec, or as they are where there is only a reader for it. */
export function compress(codec: number, bytes: Buffer): { codec: number; packed: Buffer } {
  if (codec === codecs.gzip) return { codec, packed: gzipSync(bytes) }
  if (codec === codecs.zstd) return { codec, packed: zstdCompressSync(bytes) }
  return { codec: codecs.none, packed: bytes }
}

/** Throws MalformedError where the bytes are not what the codec says, or hold more than `bytesMax`. */
export function decompress(codec: number, packed: Buffer, bytesMax: number): Buffer {
  const unpack = unpackers[codec]
  if (!unpack) throw new MalformedError(`codec ${codec}`)
  try {
    return unpack(packed, bytesMax)
  } catch (error) {
    if (error instanceof MalformedError) throw error
    throw new MalformedError(`records do not decompress: ${String(error)}`)
  }
}
