// The listening socket and its connections: accepts up to a limit, sweeps out idle and stuck ones, and closes the
// hungriest half-sent request when all of them together hold too much.

import { createServer } from 'node:net'
import { createServer as createTlsServer, Server as TlsServer } from 'node:tls'
import type { AddressInfo, Server, Socket } from 'node:net'
import type { Timer } from '../base/clock.ts'
import { portError } from '../base/ports.ts'
import { Connection } from './connection.ts'
import type { ConnectionShared } from './connection.ts'

export interface ListenerLimits {
  connectionsMax: number
  sweepMs: number
  /** What parked and unfinished requests may take to end when the broker stops. */
  drainMs: number
}

export const defaultListenerLimits: ListenerLimits = {
  connectionsMax: 2000,
  sweepMs: 5000,
  drainMs: 1000,
}

/** PEM texts. */
export interface TlsKeys {
  key: string
  cert: string
}

const handshakeMs = 10_000

export function listen(host: string, port: number, tls?: TlsKeys): Promise<Server> {
  // Half-open: what a client produced before it closed its side is still appended.
  const options = { allowHalfOpen: true }
  const server = tls
    ? createTlsServer({ ...options, ...tls, handshakeTimeout: handshakeMs })
    : createServer(options)
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(portError(error, host, port)))
    server.listen(port, host, () => {
      server.removeAllListeners('error')
      resolve(server)
    })
  })
}

export function portOf(server: Server): number {
  // A TCP server's address is never a pipe's name.
  return (server.address() as AddressInfo).port
}

export class Listener {
  readonly #server: Server
  readonly #shared: ConnectionShared
  readonly #limits: ListenerLimits
  readonly #connections = new Set<Connection>()
  #sweeping: Timer | undefined

  constructor(server: Server, shared: ConnectionShared, limits: ListenerLimits) {
    this.#server = server
    this.#shared = shared
    this.#limits = limits
    // With TLS a connection counts when its handshake is done.
    server.on(server instanceof TlsServer ? 'secureConnection' : 'connection', (socket: Socket) =>
      this.#accept(socket),
    )
    server.on('tlsClientError', (error: Error) =>
      shared.services.logger.debug('a TLS handshake failed', { error }),
    )
    server.on('error', (error) => shared.services.logger.error('the listener failed', { error }))
  }

  get connections(): number {
    return this.#connections.size
  }

  /** Accepts nobody, begins nothing, answers what is in flight, closes. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    const drained = Promise.all([...this.#connections].map((connection) => connection.drain()))
    const { clock } = this.#shared.services
    const limit = new AbortController()
    await Promise.race([drained, clock.sleep(this.#limits.drainMs, limit.signal).catch(() => {})])
    limit.abort()
    for (const connection of this.#connections) connection.close()
    await closed
  }

  #accept(socket: Socket): void {
    if (this.#connections.size >= this.#limits.connectionsMax) {
      this.#shared.services.logger.warn('a connection was refused: there are too many', {
        connections: this.#connections.size,
      })
      socket.destroy()
      return
    }
    const connection = new Connection(socket, this.#shared)
    this.#connections.add(connection)
    socket.on('close', () => this.#forget(connection))
    socket.on('data', () => this.#relieve())
    this.#sweeping ??= this.#shared.services.clock.every(this.#limits.sweepMs, () => this.#sweep())
  }

  #forget(connection: Connection): void {
    this.#connections.delete(connection)
    if (this.#connections.size > 0) return
    this.#sweeping?.cancel()
    this.#sweeping = undefined
  }

  #sweep(): void {
    const nowMs = this.#shared.services.clock.monotonicMs()
    for (const connection of this.#connections) connection.sweep(nowMs)
  }

  /** Frames that have begun to arrive are let in beyond the budget, up to twice of it. */
  #relieve(): void {
    const { requests } = this.#shared
    if (requests.usedBytes < requests.bytesMax * 2) return
    let hungriest: Connection | undefined
    for (const each of this.#connections) {
      if (each.bufferedBytes > (hungriest?.bufferedBytes ?? 0)) hungriest = each
    }
    hungriest?.closeWith('requests that are half received take too much memory')
  }
}
