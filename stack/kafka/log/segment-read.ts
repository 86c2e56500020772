// Reading whole batches from a segment file: first the batch that holds the offset is found from the sparse index on,
// then as many whole batches as may be returned are read in one piece. The first one is returned even if it alone is
// larger than asked (KIP-74).

import type { BatchHeader } from '../protocol/record-batch.ts'
import { batchHeaderBytes, readBatchHeader } from '../protocol/record-batch.ts'
import type { Segment } from './segment.ts'

const searchBytes = 64 * 1024

export async function readSegment(
  segment: Segment,
  offset: number,
  maxBytes: number,
  upTo: number,
): Promise<Buffer[]> {
  const first = await findBatch(segment, offset)
  if (!first || first.header.lastOffset >= upTo) return []
  const limit = Math.max(maxBytes, first.header.sizeBytes)
  const bytes = await readBytes(segment, first.position, limit)
  const end = endOfWholeBatches(bytes, upTo)
  return end === 0 ? [] : [bytes.subarray(0, end)]
}

interface FoundBatch {
  position: number
  header: BatchHeader
}

async function findBatch(segment: Segment, offset: number): Promise<FoundBatch | undefined> {
  let position = segment.positionOf(offset)
  while (position + batchHeaderBytes <= segment.sizeBytes) {
    const window = await readBytes(segment, position, searchBytes)
    let at = 0
    for (; at + batchHeaderBytes <= window.length;) {
      const header = readBatchHeader(window, at)
      if (header.lastOffset >= offset) return { position: position + at, header }
      at += header.sizeBytes
    }
    if (at === 0) return undefined
    position += at
  }
  return undefined
}

function endOfWholeBatches(bytes: Buffer, upTo: number): number {
  let end = 0
  while (end + batchHeaderBytes <= bytes.length) {
    const header = readBatchHeader(bytes, end)
    if (header.lastOffset >= upTo || end + header.sizeBytes > bytes.length) break
    end += header.sizeBytes
  }
  return end
}

async function readBytes(segment: Segment, position: number, wanted: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(Math.min(wanted, segment.sizeBytes - position))
  let filled = 0
  while (filled < bytes.length) {
    const bytesRead = await segment.file.readAt(bytes.subarray(filled), position + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return bytes.subarray(0, filled)
}
