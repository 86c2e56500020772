// How an API file says what it answers: the entry of the message table and the handler. A handler that changes state
// does so before its first await, so that overlapping requests of one connection take effect in the order they came;
// until then it has copied whatever bytes of the request it keeps, since the memory behind them is used again.

import type { BrokerServices } from '../broker.ts'
import type { Login } from '../security/login.ts'
import type { Api } from '../protocol/api.ts'
import { errorCodes } from '../protocol/errors.ts'
import { refusalOf } from '../protocol/refusal.ts'

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

/** Of a group: who does not coordinate it refuses. */
export function groupRoute<Request extends { groupId: string }, Response>(
  api: Api<Request, Response>,
  handle: Handler<Request, Response>,
): Route {
  return coordinatedRoute(route(api, handle), (request) => (request as Request).groupId)
}

/** Of a transactional id; a producer without one may ask any node. */
export function transactionRoute<Request extends { transactionalId: string | null }, Response>(
  api: Api<Request, Response>,
  handle: Handler<Request, Response>,
): Route {
  return coordinatedRoute(route(api, handle), (request) => (request as Request).transactionalId)
}

function coordinatedRoute(route: Route, idOf: (request: unknown) => string | null): Route {
  return {
    ...route,
    handle(request, call) {
      const id = idOf(request)
      return id === null || call.services.cluster.coordinates(id)
        ? route.handle(request, call)
        : refusalOf(route.api, request, errorCodes.NOT_COORDINATOR)
    },
  }
}
