// What a refused event leaves on `rejected-events`: its body as it came, so that it can be mended and sent again, but
// with addresses cut, and without the person where consent to analytics was refused (events.md 1.6).

import type { Dialect, RejectedEvent } from '#stack/contract/events.ts'
import { noConsentId } from '#stack/contract/events.ts'
import { KiB, isoTime } from '#stack/base/units.ts'
import type { RawObject } from '#stack/contract/upcast.ts'
import { truncateAddress } from './address.ts'
import type { Rejection } from './collect.ts'
import { isPlainObject } from './json.ts'

/** A record must stay below the broker's 1 MiB, however much JSON's escapes make of the body. */
const valueBytesMax = 800 * KiB
const cutBodyUnits = 100 * KiB

export interface RejectedBody {
  receivedMs: number
  dialect: Dialect | null
  source: string | null
  body: string | Buffer
}

/** The value of the record. A body that would not fit is cut at its end; `bodyBytes` says how long it was. */
export function rejectedValue(rejection: Rejection, from: RejectedBody): string {
  const isText = typeof from.body === 'string'
  const text = typeof from.body === 'string' ? from.body : from.body.toString('base64')
  const record = (body: string): string => {
    const value: RejectedEvent & { bodyBytes?: number } = {
      stage: 'collector',
      reason: rejection.reason,
      field: rejection.field,
      message: rejection.message,
      receivedAt: isoTime(from.receivedMs),
      dialect: from.dialect,
      source: from.source?.toWellFormed() ?? null,
      body,
      ...(isText ? {} : { bodyEncoding: 'base64' }),
      ...(body.length < text.length ? { bodyBytes: Buffer.byteLength(from.body) } : {}),
      input: null,
    }
    return JSON.stringify(value)
  }
  const whole = record(text)
  return Buffer.byteLength(whole) <= valueBytesMax ? whole : record(text.slice(0, cutBodyUnits))
}

/** `candidate` is what the mapper made of it. */
export function rejectedBody(candidate: RawObject, raw: unknown): string {
  const isWithoutConsent = candidate['anonymousId'] === noConsentId
  return JSON.stringify(isWithoutConsent ? candidate : withCutAddresses(raw)) ?? 'null'
}

const addressKey = /^(client_?)?ip(_?address|_override)?$/i

function withCutAddresses(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withCutAddresses)
  if (!isPlainObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      typeof inner === 'string' && addressKey.test(key)
        ? (truncateAddress(inner) ?? '')
        : withCutAddresses(inner),
    ]),
  )
}

/** Text where it is UTF-8; the cut at a body's limit may go through a character, and then it is not. */
export function bodyText(bytes: Buffer): string | Buffer {
  const text = bytes.toString('utf8')
  return Buffer.from(text).equals(bytes) ? text : bytes
}
