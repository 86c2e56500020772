// How an API file says what it answers: the entry of the message table and the handler. A handler that changes state
// does so before its first await, so that overlapping requests of one connection take effect in the order they came;
// until then it has copied whatever bytes of the request it keeps, since the memory behind them is used again.

import type { BrokerServices } from '../broker.ts'
import type { Login } from '../security/login.ts'
import type { Api } from '../protocol/api.ts'

export interface Call {
  version: number
  clientId: string | null
  clientHost: string
  services: BrokerServices
  login: Login
  /** No more is served on this connection. */
  endAfterAnswer(): void
  /** Clients read slower than they ask: large answers should be smaller now. */
  answersAreMany: boolean
  /** Calls back when the client is gone; returns how to stop. For requests that are parked. */
  onClose(closed: () => void): () => void
}

/** What a request that is not to be answered resolves to (produce with acks=0). */
export const noAnswer = Symbol('no answer')

type Answer<Response> = Response | typeof noAnswer

type Handler<Request, Response> = (
  request: Request,
  call: Call,
) => Answer<Response> | Promise<Answer<Response>>

export interface Route {
  api: Api<unknown, unknown>
  handle: Handler<unknown, unknown>
  /** May begin while the same API's earlier requests of the connection wait for their answers. */
  overlaps: boolean
}

export function route<Request, Response>(
  api: Api<Request, Response>,
  handle: Handler<Request, Response>,
  { overlaps = false } = {},
): Route {
  // Each API's own types end here: from now on the table decides which reader feeds which handler.
  return { api, handle, overlaps } as unknown as Route
}
