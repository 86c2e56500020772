// How an API file says what it answers: the entry of the message table and the handler. A handler changes state
// before its first await, so that requests of one connection take effect in the order they came.

import type { BrokerServices } from '../broker.ts'
import type { Api } from '../protocol/api.ts'
import type { noAnswer } from '../connection.ts'

export interface Call {
  version: number
  clientId: string | null
  clientHost: string
  services: BrokerServices
}

type Answer<Response> = Response | typeof noAnswer

export type Handler<Request, Response> = (
  request: Request,
  call: Call,
) => Answer<Response> | Promise<Answer<Response>>

export interface Route {
  api: Api<unknown, unknown>
  handle: Handler<unknown, unknown>
}

export function route<Request, Response>(
  api: Api<Request, Response>,
  handle: Handler<Request, Response>,
): Route {
  // Each API's own types end here: from now on the table decides which reader feeds which handler.
  return { api, handle } as unknown as Route
}
