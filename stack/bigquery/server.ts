// The HTTP server before the routes: bodies, gzip, refusals, planned faults.

import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { messageOf } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import { portError } from '../base/ports.ts'
import { minuteMs } from '../base/units.ts'
import type { Faults } from './faults.ts'
import { errorBody, Refused } from './refused.ts'
import type { Rest, RestAnswer } from './rest.ts'

export interface RestServer {
  port: number
  close(): Promise<void>
}

interface Context {
  rest: Rest
  faults: Faults
  logger: Logger
}

const keepAliveMs = 4 * minuteMs

export function listenRest(context: Context, host: string, port: number): Promise<RestServer> {
  // Clients keep connections for longer than Node's five seconds, and one that is closed under a request is a lost answer.
  const server = createServer({ keepAliveTimeout: keepAliveMs }, (request, response) => {
    void serve(context, request, response)
  })
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(portError(error, host, port)))
    server.listen(port, host, () =>
      resolve({ port: (server.address() as AddressInfo).port, close: () => closed(server) }),
    )
  })
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

async function serve(
  context: Context,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  let answer: RestAnswer
  try {
    answer = await answered(context, request)
  } catch (error) {
    const refused =
      error instanceof Refused ? error : new Refused(500, 'internalError', messageOf(error))
    if (refused.code === 500)
      context.logger.error('a request failed', { path: request.url, error: messageOf(error) })
    answer = { status: refused.code, body: errorBody(refused) }
  }
  const text = answer.body === undefined ? '' : JSON.stringify(answer.body)
  response
    .writeHead(answer.status, {
      ...(text !== '' && { 'content-type': 'application/json; charset=UTF-8' }),
      ...answer.headers,
    })
    .end(text)
}

async function answered({ rest, faults }: Context, request: IncomingMessage): Promise<RestAnswer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const raw = Buffer.concat(chunks)
  const isZipped = request.headers['content-encoding'] === 'gzip'
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://bigquery')
  const method = request.method ?? 'GET'
  return faults.around({ method: `${method} ${pathname}`, resource: pathname }, () =>
    rest.answer({
      method,
      path: pathname,
      query: searchParams,
      headers: request.headers,
      body: isZipped ? gunzipSync(raw) : raw,
      origin: `http://${request.headers.host ?? ''}`,
    }),
  )
}
