// Reading a request's body within bounds, whatever its headers claim: the bytes are counted as they come, a gzip is
// inflated under an absolute cap and a ratio, and at most one encoding layer is taken off.

import type { IncomingMessage } from 'node:http'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { KiB, MiB } from '#stack/base/units.ts'
import { parseJson, utf8Text } from './json.ts'

export interface BodyLimits {
  /** As it travels. */
  bodyBytes: number
  /** After inflating. */
  inflatedBytes: number
}

export const bodyLimits: BodyLimits = { bodyBytes: MiB, inflatedBytes: 4 * MiB }

/** A gzip of ordinary JSON shrinks to a tenth; one that shrinks more than this is a bomb. */
const inflationMax = 100
const inflationSlackBytes = 64 * KiB

export type Body =
  | { ok: true; bytes: Buffer }
  /** `head` is what had come when reading stopped. */
  | { ok: false; status: BadStatus; message: string; head: Buffer }

/** 503: the body is fine, but there is no room for it now. */
type BadStatus = 400 | 413 | 415 | 503

/** Whether there is room for so many bytes more. */
export type Grow = (bytes: number) => boolean

export async function readBody(
  request: IncomingMessage,
  limits: BodyLimits,
  grow: Grow = () => true,
): Promise<Body> {
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase()
  if (encoding !== 'gzip' && encoding !== 'identity' && encoding !== '') {
    return refused(415, `the content encoding ${JSON.stringify(encoding)} is not read; use gzip`)
  }
  if (Number(request.headers['content-length'] ?? 0) > limits.bodyBytes) {
    return refused(413, `the body is longer than ${limits.bodyBytes} bytes`)
  }
  const raw = await readBounded(request, limits.bodyBytes, grow)
  if (!raw.ok || encoding !== 'gzip') return raw
  const inflated = await inflate(raw.bytes, limits)
  if (inflated.ok && !grow(inflated.bytes.length)) return refused(503, 'overloaded')
  return inflated
}

async function readBounded(request: IncomingMessage, bytesMax: number, grow: Grow): Promise<Body> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > bytesMax) {
      return refused(413, `the body is longer than ${bytesMax} bytes`, Buffer.concat(chunks))
    }
    if (!grow(chunk.length)) return refused(503, 'overloaded')
    chunks.push(chunk)
  }
  return { ok: true, bytes: chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks) }
}

const gunzipAsync = promisify(gunzip)

async function inflate(packed: Buffer, limits: BodyLimits): Promise<Body> {
  const byRatio = packed.length * inflationMax + inflationSlackBytes
  const maxOutputLength = Math.min(limits.inflatedBytes, byRatio)
  try {
    return { ok: true, bytes: await gunzipAsync(packed, { maxOutputLength }) }
  } catch (error) {
    const isBomb = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
    return isBomb
      ? refused(413, `the body inflates to more than ${maxOutputLength} bytes`, packed)
      : refused(400, 'the body is no gzip, or not all of it', packed)
  }
}

function refused(status: BadStatus, message: string, head?: Buffer): Body {
  return { ok: false, status, message, head: head ?? Buffer.alloc(0) }
}

// Bytes → JSON. What the content type says is not relied on: vendors post JSON as a form.

export type Part = { ok: true; value: unknown } | { ok: false; bytes: Buffer }

/** The whole as one value, or else line by line; a line that is no JSON stands alone. */
export function parseBody(bytes: Buffer, mayHaveLines: boolean): Part[] {
  const whole = parsePart(bytes)
  if (whole.ok || !mayHaveLines) return [whole]
  const lines = linesOf(bytes).map(parsePart)
  // Something broken over many lines is one broken thing.
  return lines.some((line) => line.ok) ? lines : [whole]
}

function parsePart(bytes: Buffer): Part {
  const text = utf8Text(bytes)
  if (text === undefined) return { ok: false, bytes }
  try {
    return { ok: true, value: parseJson(text) }
  } catch {
    return { ok: false, bytes }
  }
}

/** Cut at line feeds, which no other UTF-8 sequence contains; empty lines are left out. */
export function linesOf(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = []
  for (let start = 0; start < bytes.length;) {
    const feed = bytes.indexOf(10, start)
    const end = feed < 0 ? bytes.length : feed
    const last = end > start && bytes[end - 1] === 13 ? end - 1 : end
    if (last > start) lines.push(bytes.subarray(start, last))
    start = end + 1
  }
  return lines
}
