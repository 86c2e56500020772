// Frames of the journal: uint32 length, uint32 crc32c, payload. Reading is total: it ends at the torn tail, and damage
// with good frames behind it is reported and stepped over, by the length that the damaged frame claims or else by
// looking for the next good one.

import { crc32c } from '../protocol/crc32c.ts'
import type { JournalEntry } from './journal.ts'

const headerBytes = 8

export interface Frame {
  position: number
  /** Undefined where the frame is damaged. */
  entry: JournalEntry | undefined
}

export function encodeFrame(entry: JournalEntry): Buffer {
  const { kind, ...rest } = entry
  const payload = Buffer.from(JSON.stringify({ kind, ...rest }))
  const frame = Buffer.allocUnsafe(headerBytes + payload.length)
  frame.writeUInt32BE(payload.length, 0)
  frame.writeUInt32BE(crc32c(payload), 4)
  payload.copy(frame, headerBytes)
  return frame
}

/** Every readable frame, and where the last good one ends. */
export function readFrames(bytes: Buffer): { frames: Frame[]; goodBytes: number } {
  const frames: Frame[] = []
  let position = 0
  for (;;) {
    const end = goodEnd(bytes, position)
    if (end === undefined) {
      const next = nextGood(bytes, position)
      if (next === undefined) return { frames, goodBytes: position }
      frames.push({ position, entry: undefined })
      position = next
    } else {
      // The checksum holds, so these are the bytes that encodeFrame wrote.
      const entry = JSON.parse(bytes.toString('utf8', position + headerBytes, end)) as JournalEntry
      frames.push({ position, entry })
      position = end
    }
  }
}

/** Where the frame ends that begins here, if it is a good one. */
function goodEnd(bytes: Buffer, position: number): number | undefined {
  if (position + headerBytes > bytes.length) return undefined
  const length = bytes.readUInt32BE(position)
  const start = position + headerBytes
  // A length of zero is a zero-filled tail: no entry is that short.
  if (length === 0 || start + length > bytes.length) return undefined
  const isGood = crc32c(bytes, start, start + length) === bytes.readUInt32BE(position + 4)
  return isGood ? start + length : undefined
}

/** How every payload begins. */
const payloadStart = Buffer.from('{"kind":')

function nextGood(bytes: Buffer, damaged: number): number | undefined {
  if (damaged + headerBytes > bytes.length) return undefined
  const ahead = damaged + headerBytes + bytes.readUInt32BE(damaged)
  if (goodEnd(bytes, ahead) !== undefined) return ahead
  for (let at = damaged + headerBytes + 1; ; at++) {
    at = bytes.indexOf(payloadStart, at)
    if (at < 0) return undefined
    if (goodEnd(bytes, at - headerBytes) !== undefined) return at - headerBytes
  }
}
