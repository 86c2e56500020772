// One entry of the message table: an API key with its versions, the first flexible one, and both messages.

import type { FieldType } from './types.ts'

export interface Api<Request, Response> {
  key: number
  name: string
  /** Served versions, both ends included. */
  from: number
  to: number
  /** Advertised from here: some old clients decide by exact low versions (librdkafka before 2.11.1). */
  advertisedFrom: number
  flexibleFrom: number
  request: FieldType<Request>
  response: FieldType<Response>
}

export function api<Request, Response>(
  key: number,
  name: string,
  { versions: [from, to], flexibleFrom, advertisedFrom = from }: ApiVersions,
  messages: { request: FieldType<Request>; response: FieldType<Response> },
): Api<Request, Response> {
  return { key, name, from, to, advertisedFrom, flexibleFrom, ...messages }
}

interface ApiVersions {
  versions: [from: number, to: number]
  flexibleFrom: number
  advertisedFrom?: number
}

/** For APIs without a flexible version. */
export const neverFlexible = Infinity
