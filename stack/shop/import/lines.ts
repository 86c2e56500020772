// The lines of a text file, a block at a time, in bounded memory: a line longer than an event may be is handed on cut,
// and refused. `.gz` is inflated on the way.

import { createReadStream } from 'node:fs'
import { createGunzip } from 'node:zlib'
import { MiB } from '#stack/base/units.ts'
import type { Dialect } from '#stack/contract/events.ts'
import type { Rejection } from '../collector/collect.ts'
import { parseJson, utf8Text } from '../collector/json.ts'
import { bodyText } from '../collector/rejected.ts'
import { rejectedEntry } from './entry.ts'
import type { Entry, Source } from './entry.ts'

export interface Line {
  bytes: Buffer
  /** From 0, empty lines counted. */
  number: number
}

const lineBytesMax = MiB

export async function* readLines(path: string): AsyncIterable<Line[]> {
  const file = createReadStream(path, { highWaterMark: MiB })
  const stream = path.endsWith('.gz') ? file.pipe(createGunzip()) : file
  let rest: Buffer[] = []
  let restBytes = 0
  let number = 0
  const lineOf = (end: Buffer): Line[] => {
    const bytes = withoutReturn(rest.length === 0 ? end : Buffer.concat([...rest, end]))
    rest = []
    restBytes = 0
    return bytes.length === 0 ? (number++, []) : [{ bytes, number: number++ }]
  }
  for await (const block of stream as AsyncIterable<Buffer>) {
    const lines: Line[] = []
    let start = 0
    for (let feed = block.indexOf(10); feed >= 0; feed = block.indexOf(10, start)) {
      lines.push(...lineOf(block.subarray(start, feed)))
      start = feed + 1
    }
    const tail = block.subarray(start)
    // Beyond the bound the line is lost anyway; what follows of it is not kept.
    if (tail.length > 0 && restBytes < lineBytesMax) rest.push(tail)
    restBytes += tail.length
    if (lines.length > 0) yield lines
  }
  const last = lineOf(Buffer.alloc(0))
  if (last.length > 0) yield last
}

function withoutReturn(bytes: Buffer): Buffer {
  return bytes.at(-1) === 13 ? bytes.subarray(0, -1) : bytes
}

/** One JSON object a line, mapped one by one; a line that is none is refused alone. */
export async function* mapLines(
  source: Source,
  dialect: Dialect,
  map: (value: unknown, line: { text: string; number: number }) => Entry[],
): AsyncIterable<Entry[]> {
  for await (const lines of readLines(source.path)) {
    const entries: Entry[] = []
    for (const { bytes, number } of lines) {
      source.tally.read++
      const text = bytes.length < lineBytesMax ? utf8Text(bytes) : undefined
      const value = text === undefined ? undefined : parsed(text)
      if (text === undefined || value === undefined) {
        entries.push(rejectedEntry(source, dialect, unreadable(bytes, number), bodyText(bytes)))
      } else entries.push(...map(value, { text, number }))
    }
    yield entries
  }
}

function unreadable(bytes: Buffer, position: number): Rejection {
  return bytes.length < lineBytesMax
    ? { position, reason: 'not_json', field: null, message: 'the line is no JSON in UTF-8' }
    : { position, reason: 'too_large', field: null, message: `more than ${lineBytesMax} bytes` }
}

function parsed(text: string): unknown {
  try {
    return parseJson(text)
  } catch {
    return undefined
  }
}
