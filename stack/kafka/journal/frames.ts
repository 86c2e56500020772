// Frames of the journal: uint32 length, uint32 crc32c, payload. Reading is total: it ends at the torn tail, and a
// damaged frame whose length still leads to a good one is reported and stepped over.

import { crc32c } from '../protocol/crc32c.ts'
import type { JournalEntry } from './journal.ts'

const headerBytes = 8

export interface Frame {
  position: number
  /** Undefined where the payload is damaged. */
  entry: JournalEntry | undefined
}

export function encodeFrame(entry: JournalEntry): Buffer {
  const payload = Buffer.from(JSON.stringify(entry))
  const frame = Buffer.allocUnsafe(headerBytes + payload.length)
  frame.writeUInt32BE(payload.length, 0)
  frame.writeUInt32BE(crc32c(payload), 4)
  payload.copy(frame, headerBytes)
  return frame
}

/** Every readable frame, and where the last good one ends. */
export function readFrames(bytes: Buffer): { frames: Frame[]; goodBytes: number } {
  const frames: Frame[] = []
  let doubtful: Frame[] = []
  let goodBytes = 0
  for (let position = 0; position + headerBytes <= bytes.length;) {
    const end = position + headerBytes + bytes.readUInt32BE(position)
    // A length of zero is a zero-filled tail: no entry is that short.
    if (end > bytes.length || end === position + headerBytes) break
    const entry = decode(bytes, position + headerBytes, end)
    if (entry === undefined) doubtful.push({ position, entry })
    else {
      frames.push(...doubtful, { position, entry })
      doubtful = []
      goodBytes = end
    }
    position = end
  }
  return { frames, goodBytes }
}

function decode(bytes: Buffer, start: number, end: number): JournalEntry | undefined {
  if (crc32c(bytes, start, end) !== bytes.readUInt32BE(start - 4)) return undefined
  // The checksum holds, so these are the bytes that encodeFrame wrote.
  return JSON.parse(bytes.toString('utf8', start, end)) as JournalEntry
}
