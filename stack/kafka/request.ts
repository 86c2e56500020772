// The frame around a message: request headers in, response headers out. Header 1 is int16 key, int16 version, int32
// correlation id and a nullable client id (always with an int16 length); header 2 adds tagged fields behind it. An
// answer starts with its size and the correlation id; flexible ones have tagged fields next, except ApiVersions, which
// must be readable before anything is known of the other side (KIP-511).

import { routeByKey } from './apis/index.ts'
import type { Route } from './apis/route.ts'
import { errorCodes } from './protocol/errors.ts'
import { MalformedError } from './protocol/reader.ts'
import type { Reader } from './protocol/reader.ts'
import { Writer } from './protocol/writer.ts'
import type { Versions } from './versions.ts'

export interface RequestHeader {
  route: Route
  version: number
  flexible: boolean
  correlationId: number
  clientId: string | null
  /** False only for an ApiVersions of a version that is not known: it gets an answer, others get none. */
  isServed: boolean
}

const apiVersionsKey = 18

/** The route that a frame begins to ask for. */
export function routeOf(apiKey: number | undefined): Route | undefined {
  return apiKey === undefined ? undefined : routeByKey.get(apiKey)
}

export function readHeader(reader: Reader, { served }: Versions): RequestHeader {
  const key = reader.int16()
  const version = reader.int16()
  const correlationId = reader.int32()
  const route = routeByKey.get(key)
  const versions = served.get(key)
  if (!route || !versions) throw new MalformedError(`API key ${key} is not served`)
  const isServed = version >= versions.from && version <= versions.to
  if (!isServed) {
    if (key !== apiVersionsKey)
      throw new MalformedError(`${route.api.name} version ${version} is not served`)
    return { route, version: 0, flexible: false, correlationId, clientId: null, isServed }
  }
  const length = reader.int16()
  const clientId = length < 0 ? null : reader.text(length)
  const flexible = version >= route.api.flexibleFrom
  if (flexible) reader.skipTaggedFields()
  return { route, version, flexible, correlationId, clientId, isServed }
}

/** The answer in version 0 to an ApiVersions of an unknown version. */
export function refusedVersion({ advertisedWithRefusal }: Versions): unknown {
  return {
    errorCode: errorCodes.UNSUPPORTED_VERSION,
    apiKeys: advertisedWithRefusal,
    throttleTimeMs: 0,
  }
}

/** The frame of a token of a login without headers. */
export function writeBareToken(token: Buffer): Writer {
  const writer = new Writer()
  writer.int32(token.length)
  writer.raw(token)
  return writer
}

/** The whole frame of an answer, its size filled in. */
export function writeAnswer(header: RequestHeader, response: unknown): Writer {
  const { route, version, flexible, correlationId } = header
  const writer = new Writer()
  writer.int32(0)
  writer.int32(correlationId)
  if (flexible && route.api.key !== apiVersionsKey) writer.uvarint(0)
  route.api.response.write(writer, response, { number: version, flexible })
  writer.patchInt32(0, writer.length - 4)
  return writer
}
