// One client connection: frames in, answers out. A frame is an int32 size and that many bytes. Requests may overlap (a
// produce is appended while the one before it waits for its sync), but answers leave in the order the requests came.
// What cannot be understood closes the connection with one log line: the protocol has no general error answer.
//
// Bounds: a frame's size, requests in flight and unsent bytes of this connection, bytes held by all connections.

import type { Socket } from 'node:net'
import { InvariantError } from '../base/invariant.ts'
import { messageOf } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import { apiByKey } from './apis/index.ts'
import type { Call, Route } from './apis/route.ts'
import type { BrokerServices } from './broker.ts'
import { errorCodes } from './protocol/errors.ts'
import { MalformedError, Reader } from './protocol/reader.ts'
import { Writer } from './protocol/writer.ts'

export interface ConnectionLimits {
  frameBytesMax: number
  inFlightMax: number
  /** Answers that the client has not read yet; above it no further request is decoded. */
  unsentBytesMax: number
  idleMs: number
}

export const defaultLimits: ConnectionLimits = {
  frameBytesMax: 64 * 1024 * 1024,
  inFlightMax: 128,
  unsentBytesMax: 4 * 1024 * 1024,
  idleMs: 10 * 60 * 1000,
}

/** Bytes of requests that all connections hold together; whoever finds it used up waits. */
export class ByteBudget {
  #used = 0
  #waiting = new Set<() => void>()
  readonly #bytesMax: number

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get isUsedUp(): boolean {
    return this.#used > this.#bytesMax
  }

  take(bytes: number): void {
    this.#used += bytes
  }

  give(bytes: number): void {
    this.#used -= bytes
    if (this.isUsedUp) return
    const waiting = this.#waiting
    this.#waiting = new Set()
    for (const resume of waiting) resume()
  }

  whenFree(resume: () => void): void {
    this.#waiting.add(resume)
  }
}

interface Header {
  route: Route
  version: number
  correlationId: number
  clientId: string | null
}

/** What a request that is not to be answered resolves to (produce with acks=0). */
export const noAnswer = Symbol('no answer')

export class Connection {
  readonly #socket: Socket
  readonly #services: BrokerServices
  readonly #limits: ConnectionLimits
  readonly #budget: ByteBudget
  readonly #logger: Logger
  readonly #clientHost: string
  #chunks: Buffer[] = []
  #bufferedBytes = 0
  #inFlight = 0
  #lastAnswer: Promise<void> = Promise.resolve()
  #closed = false
  #paused = false

  constructor(
    socket: Socket,
    services: BrokerServices,
    limits: ConnectionLimits,
    budget: ByteBudget,
  ) {
    this.#socket = socket
    this.#services = services
    this.#limits = limits
    this.#budget = budget
    this.#logger = services.logger
    this.#clientHost = `/${socket.remoteAddress ?? 'unknown'}`
    socket.setNoDelay(true)
    socket.setTimeout(limits.idleMs, () => this.close())
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('drain', () => this.#resume())
    socket.on('error', (error) =>
      this.#logger.debug('connection failed', { error, from: this.#clientHost }),
    )
    socket.on('close', () => this.#release())
  }

  close(): void {
    this.#socket.destroy()
  }

  #receive(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#bufferedBytes += chunk.length
    this.#budget.take(chunk.length)
    this.#decode()
  }

  #decode(): void {
    while (!this.#closed && !this.#mustWait()) {
      const frame = this.#nextFrame()
      if (!frame) return
      try {
        this.#handle(frame)
      } catch (error) {
        this.#budget.give(frame.length)
        this.#refuse(error)
      }
    }
  }

  #mustWait(): boolean {
    const wait =
      this.#inFlight >= this.#limits.inFlightMax ||
      this.#socket.writableLength > this.#limits.unsentBytesMax
    const overBudget = this.#budget.isUsedUp && this.#inFlight > 0
    if (overBudget) this.#budget.whenFree(() => this.#resume())
    if ((wait || overBudget) && !this.#paused) {
      this.#paused = true
      this.#socket.pause()
    }
    return wait || overBudget
  }

  #resume(): void {
    if (this.#closed) return
    if (this.#paused) {
      this.#paused = false
      this.#socket.resume()
    }
    this.#decode()
  }

  /** The next whole frame without its size, or undefined until more bytes come. */
  #nextFrame(): Buffer | undefined {
    if (this.#bufferedBytes < 4) return undefined
    let first = this.#chunks[0] as Buffer
    if (first.length < 4) {
      first = Buffer.concat(this.#chunks)
      this.#chunks = [first]
    }
    const size = first.readInt32BE(0)
    if (size < 0 || size > this.#limits.frameBytesMax) {
      this.#refuse(new MalformedError(`a frame of ${size} bytes`))
      return undefined
    }
    if (this.#bufferedBytes < size + 4) return undefined
    const all = first.length >= size + 4 ? first : Buffer.concat(this.#chunks)
    const rest = all.subarray(size + 4)
    if (all === first) this.#chunks[0] = rest
    else this.#chunks = [rest]
    if (rest.length === 0) this.#chunks.shift()
    this.#bufferedBytes -= size + 4
    this.#budget.give(4)
    return all.subarray(4, size + 4)
  }

  #handle(frame: Buffer): void {
    const reader = new Reader(frame)
    const header = readHeader(reader)
    if (header === 'unsupported ApiVersions') {
      this.#queueAnswer(frame.length, Promise.resolve(unsupportedApiVersions(frame.readInt32BE(4))))
      return
    }
    const { route, version, correlationId } = header
    const shape = { number: version, flexible: version >= route.api.flexibleFrom }
    const request = route.api.request.read(reader, shape)
    const call: Call = {
      version,
      clientId: header.clientId,
      clientHost: this.#clientHost,
      services: this.#services,
    }
    const answer = Promise.resolve(route.handle(request, call)).then((response) => {
      if (response === noAnswer) return noAnswer
      const writer = new Writer()
      writer.int32(0)
      writer.int32(correlationId)
      // Response header 1 has tagged fields; ApiVersions always answers with header 0 (KIP-511).
      if (shape.flexible && route.api.key !== 18) writer.uvarint(0)
      route.api.response.write(writer, response, shape)
      return writer
    })
    this.#queueAnswer(frame.length, answer)
  }

  #queueAnswer(frameBytes: number, answer: Promise<Writer | typeof noAnswer>): void {
    this.#inFlight++
    const before = this.#lastAnswer
    this.#lastAnswer = (async () => {
      try {
        const writer = await answer
        await before
        if (writer !== noAnswer && !this.#closed) this.#send(writer)
      } catch (error) {
        await before
        this.#refuse(error)
      } finally {
        this.#inFlight--
        this.#budget.give(frameBytes)
        this.#resume()
      }
    })()
  }

  #send(writer: Writer): void {
    const bytes = writer.length - 4
    const buffers = writer.buffers()
    ;(buffers[0] as Buffer).writeInt32BE(bytes, 0)
    this.#socket.cork()
    for (const buffer of buffers) this.#socket.write(buffer)
    this.#socket.uncork()
  }

  #refuse(error: unknown): void {
    if (this.#closed) return
    if (error instanceof InvariantError) throw error
    const log = { from: this.#clientHost, why: messageOf(error) }
    if (error instanceof MalformedError)
      this.#logger.info('connection closed: a request cannot be read', log)
    else this.#logger.warn('connection closed: a request failed', log)
    this.close()
  }

  #release(): void {
    this.#closed = true
    this.#budget.give(this.#bufferedBytes)
    this.#bufferedBytes = 0
    this.#chunks = []
  }
}

// Request header 1: int16 key, int16 version, int32 correlation id, nullable string client id (always with an int16
// length); header 2 has tagged fields behind it.
function readHeader(reader: Reader): Header | 'unsupported ApiVersions' {
  const key = reader.int16()
  const version = reader.int16()
  const correlationId = reader.int32()
  const route = apiByKey.get(key)
  if (!route) throw new MalformedError(`API key ${key} is not served`)
  if (version < route.api.from || version > route.api.to) {
    if (key === 18) return 'unsupported ApiVersions'
    throw new MalformedError(`${route.api.name} version ${version} is not served`)
  }
  const length = reader.int16()
  const clientId = length < 0 ? null : reader.text(length)
  if (version >= route.api.flexibleFrom) reader.skipTaggedFields()
  return { route, version, correlationId, clientId }
}

/** An ApiVersions from the future is answered in version 0 with the range of that one key (KIP-511). */
function unsupportedApiVersions(correlationId: number): Writer {
  const api = (apiByKey.get(18) as Route).api
  const writer = new Writer()
  writer.int32(0)
  writer.int32(correlationId)
  const response = {
    errorCode: errorCodes.UNSUPPORTED_VERSION,
    apiKeys: [{ apiKey: 18, minVersion: api.from, maxVersion: api.to }],
  }
  api.response.write(writer, response, { number: 0, flexible: false })
  return writer
}
