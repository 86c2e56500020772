// A gRPC server of a stand-in on a port of its own.

import type { Http2Server } from 'node:http2'
import { logVerbosity, Server, ServerCredentials, setLogVerbosity } from '@grpc/grpc-js'
import type { ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js'
import type { Clock } from '../base/clock.ts'
import { invariant } from '../base/invariant.ts'
import { portError } from '../base/ports.ts'
import { MiB } from '../base/units.ts'

export interface GrpcServerOptions {
  services: readonly [ServiceDefinition, UntypedServiceImplementation][]
  /** Of a request or an answer; a larger one fails with RESOURCE_EXHAUSTED. */
  messageBytesMax: number
  host: string
  port: number
  clock: Clock
}

export interface RunningGrpcServer {
  port: number
  close(): Promise<void>
}

/** What may be under way on a connection, and on each stream of it. */
const windowBytes = 4 * MiB
/** Clients that keep their connection open are not waited for. */
const shutdownMs = 500

export async function listenGrpc(options: GrpcServerOptions): Promise<RunningGrpcServer> {
  // What it would print is told by our own errors.
  setLogVerbosity(logVerbosity.NONE)
  const server = new Server({
    'grpc.max_receive_message_length': options.messageBytesMax,
    'grpc.max_send_message_length': options.messageBytesMax,
  })
  for (const [definition, implementation] of options.services)
    server.addService(definition, implementation)
  const port = await bind(server, options)
  widenWindows(server)
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.tryShutdown(() => resolve())
        options.clock.after(shutdownMs, () => server.forceShutdown())
      }),
  }
}

function bind(server: Server, { host, port }: GrpcServerOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`${host}:${port}`, ServerCredentials.createInsecure(), (error, bound) => {
      if (!error) return resolve(bound)
      const isTaken = error.message.includes('EADDRINUSE')
      reject(portError(isTaken ? Object.assign(error, { code: 'EADDRINUSE' }) : error, host, port))
    })
  })
}

/**
 * HTTP/2 begins with windows of 64 KiB: of a request of a megabyte the sender would wait sixteen times until this process
 * has a turn to ask for more. grpc-js has an option for a client's windows, and none for a server's.
 */
function widenWindows(server: Server): void {
  const servers: unknown = Reflect.get(server, 'http2Servers')
  invariant(servers instanceof Map, 'grpc-js keeps its HTTP/2 servers where it did')
  for (const http2Server of servers.keys() as Iterable<Http2Server>) {
    http2Server.on('session', (session) => {
      session.setLocalWindowSize(windowBytes)
      session.settings({ initialWindowSize: windowBytes })
    })
  }
}
