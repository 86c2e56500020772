// One client connection: frames in, answers out. Answers leave in the order the requests came. A request begins when
// the ones before it are answered; only produces overlap: the next is appended while the one before waits for its
// sync. What cannot be understood closes the connection with one log line: the protocol has no general error answer.
//
// Bounds: a frame's size, requests in flight and unsent bytes of this connection, bytes held by all connections.
// Where one is reached the socket is not read any further, so that the client feels it.

import type { Socket } from 'node:net'
import { messageOf } from '../base/errors.ts'
import { InvariantError } from '../base/invariant.ts'
import type { Call } from './apis/route.ts'
import { noAnswer } from './apis/route.ts'
import type { BrokerServices } from './broker.ts'
import type { ByteBudget } from './byte-budget.ts'
import { PlannedEnd } from './faults.ts'
import type { Faults } from './faults.ts'
import { errorCodes } from './protocol/errors.ts'
import { FrameReader } from './protocol/frames.ts'
import type { Scratch } from './protocol/frames.ts'
import { MalformedError, Reader } from './protocol/reader.ts'
import { refusalOf } from './protocol/refusal.ts'
import { Writer } from './protocol/writer.ts'
import type { RequestHeader } from './request.ts'
import { failedDelayMs, Login } from './security/login.ts'
import { readHeader, refusedVersion, routeOf, writeAnswer, writeBareToken } from './request.ts'

export interface ConnectionLimits {
  frameBytesMax: number
  /** Requests begun and not answered. */
  inFlightMax: number
  /** Answers that this client has not read yet; above it no further request is begun. */
  unsentBytesMax: number
  /** Nothing received, nothing in flight. */
  idleMs: number
  /** No progress in the middle of a frame, or on answers that are not read. */
  stalledMs: number
}

export const defaultLimits: ConnectionLimits = {
  frameBytesMax: 64 * 1024 * 1024,
  inFlightMax: 64,
  unsentBytesMax: 1024 * 1024,
  idleMs: 10 * 60 * 1000,
  stalledMs: 60 * 1000,
}

const loginBytesMax = 64 * 1024

/** What the connections of a broker share. */
export interface ConnectionShared {
  services: BrokerServices
  limits: ConnectionLimits
  /** Bytes received whose requests are not finished. */
  requests: ByteBudget
  /** Bytes of answers that wait in sockets. */
  answers: ByteBudget
  /** What tests have planned to go wrong. */
  faults: Faults
  /** Where requests are put together: each is read, and what it brought copied, before the next one is. */
  scratch: Scratch
}

interface InFlight {
  header: RequestHeader | undefined
  frameBytes: number
  answer: Writer | typeof noAnswer | undefined
}

export class Connection {
  readonly #socket: Socket
  readonly #shared: ConnectionShared
  readonly #from: string
  readonly #login: Login
  readonly #frames: FrameReader
  #inFlight: InFlight[] = []
  #heldBytes = 0
  #unsentBytes = 0
  #state: 'open' | 'ended' | 'closed' = 'open'
  #flushIsDue = false
  #isDraining = false
  #endsWithAnswer = false
  #progressMs: number
  #clientId: string | null = null
  #closeListeners = new Set<() => void>()
  #drained: (() => void) | undefined
  readonly #goOn = () => this.#advance()

  constructor(socket: Socket, shared: ConnectionShared) {
    this.#socket = socket
    this.#shared = shared
    this.#from = `/${socket.remoteAddress ?? 'unknown'}`
    this.#login = new Login(shared.services.users)
    this.#frames = new FrameReader(0, shared.scratch)
    this.#limitFrames()
    this.#progressMs = shared.services.clock.monotonicMs()
    socket.setNoDelay(true)
    socket.setKeepAlive(true, 60_000)
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('drain', this.#goOn)
    socket.on('end', () => this.#end())
    socket.on('error', (error) => {
      shared.services.logger.debug('connection failed', { error, from: this.#from })
    })
    socket.on('close', () => this.#release())
  }

  get clientId(): string | null {
    return this.#clientId
  }

  /** Of frames that are not whole yet or wait for their turn. */
  get bufferedBytes(): number {
    return this.#frames.bufferedBytes
  }

  close(): void {
    this.#release()
    this.#socket.destroy()
  }

  /** Begins nothing more; resolves when what is in flight is answered. */
  drain(): Promise<void> {
    this.#socket.pause()
    this.#isDraining = true
    this.#wakeParked()
    if (this.#inFlight.length === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#drained = resolve
    })
  }

  /** Called every few seconds: closes what is idle or stuck. */
  sweep(nowMs: number): void {
    const { idleMs, stalledMs } = this.#shared.limits
    const quietMs = nowMs - this.#progressMs
    const isStalled = this.#frames.bufferedBytes > 0 || this.#socket.writableLength > 0
    if (this.#inFlight.length === 0 && quietMs >= (isStalled ? stalledMs : idleMs)) {
      this.closeWith(isStalled ? 'stalled' : 'idle')
    }
  }

  closeWith(why: string): void {
    this.#shared.services.logger.info('connection closed', {
      from: this.#from,
      clientId: this.#clientId,
      why,
    })
    this.close()
  }

  #receive(chunk: Buffer): void {
    this.#progressMs = this.#shared.services.clock.monotonicMs()
    this.#hold(chunk.length)
    this.#frames.push(chunk)
    this.#advance()
  }

  /** Begins what may begin, then decides whether to read on. */
  #advance(): void {
    try {
      while (this.#mayBegin()) this.#begin(this.#frames.next() as Buffer)
      if (this.#state === 'ended' && !this.#canStillProduce()) this.close()
      if (this.#state === 'open' && !this.#isDraining) this.#regulate()
    } catch (error) {
      this.#refuse(error)
    }
    if (this.#inFlight.length === 0) this.#drained?.()
  }

  #mayBegin(): boolean {
    const { limits } = this.#shared
    if (this.#state === 'closed' || this.#isDraining || !this.#frames.hasNext()) return false
    if (this.#socket.writableLength > limits.unsentBytesMax) return false
    if (this.#inFlight.length === 0) return true
    if (this.#inFlight.length >= limits.inFlightMax) return false
    return (
      routeOf(this.#frames.peekInt16())?.overlaps === true &&
      this.#inFlight.every(({ header }) => header?.route.overlaps === true)
    )
  }

  #regulate(): void {
    const { requests } = this.#shared
    // A frame that has begun to arrive is let in, or all could wait for one another.
    const waitsForBudget = requests.isUsedUp && this.#frames.bufferedBytes === 0
    if (waitsForBudget) requests.whenFree(this.#goOn)
    if (waitsForBudget || this.#frames.hasNext()) this.#socket.pause()
    else if (this.#socket.isPaused()) this.#socket.resume()
  }

  #begin(frame: Buffer): void {
    const entry: InFlight = { header: undefined, frameBytes: frame.length + 4, answer: undefined }
    this.#inFlight.push(entry)
    try {
      const response = this.#handle(frame, entry)
      if (response instanceof Promise) {
        response.then(
          (value) => this.#finish(entry, value),
          (error: unknown) => this.#refuse(error, entry.header),
        )
      } else this.#finish(entry, response)
    } catch (error) {
      this.#refuse(error, entry.header)
    }
  }

  #handle(frame: Buffer, entry: InFlight): unknown {
    if (this.#login.takesBareToken) return this.#exchangeBareToken(frame)
    const { faults, services } = this.#shared
    // A request that is late outlives the memory its frame lies in.
    const isPlanned = faults.left > 0
    const reader = new Reader(isPlanned ? Buffer.from(frame) : frame)
    const header = readHeader(reader, services.versions)
    entry.header = header
    this.#clientId = header.clientId
    if (!header.isServed) return refusedVersion(services.versions)
    if (!this.#login.serves(header.route.api.key))
      throw new MalformedError(`${header.route.api.name} before a login`)
    const { route, version } = header
    const request = route.api.request.read(reader, { number: version, flexible: header.flexible })
    // Bytes behind it are left aside, as Kafka does: librdkafka 2.16 writes the null array of "all topics" too wide.
    services.requestCount.add(1, { api: route.api.name })
    if (!isPlanned) return route.handle(request, this.#callOf(header))
    const planned = { method: route.api.name, resource: header.clientId ?? '' }
    const handle = () => route.handle(request, this.#callOf(header))
    return faults.around(planned, handle).catch((error: unknown) => {
      if (!(error instanceof PlannedEnd)) throw error
      if (error.end === 'disconnect') this.close()
      if (error.end === 'disconnect' || error.end === 'silence') return noAnswer
      return refusalOf(route.api, request, errorCodes[error.end])
    })
  }

  /** Without a header there is no error to answer with either: the connection ends. */
  async #exchangeBareToken(token: Buffer): Promise<Writer | typeof noAnswer> {
    const step = this.#login.step(token)
    if (step) return writeBareToken(step.answer)
    const { clock, logger } = this.#shared.services
    logger.warn('a login failed', { from: this.#from, clientId: this.#clientId })
    await clock.sleep(failedDelayMs)
    this.close()
    return noAnswer
  }

  #callOf(header: RequestHeader): Call {
    return {
      version: header.version,
      clientId: header.clientId,
      clientHost: this.#from,
      services: this.#shared.services,
      login: this.#login,
      endAfterAnswer: () => (this.#endsWithAnswer = true),
      answersAreMany: this.#shared.answers.isUsedUp,
      onClose: (closed) => {
        this.#closeListeners.add(closed)
        return () => this.#closeListeners.delete(closed)
      },
    }
  }

  #finish(entry: InFlight, response: unknown): void {
    if (this.#state === 'closed') return
    try {
      entry.answer = answerOf(entry, response)
    } catch (error) {
      this.#refuse(error, entry.header)
      return
    }
    if (this.#flushIsDue) return
    // What finishes in this turn of the event loop, often a whole group commit, leaves in one write.
    this.#flushIsDue = true
    process.nextTick(() => this.#flush())
  }

  #flush(): void {
    this.#flushIsDue = false
    if (this.#state === 'closed') return
    this.#socket.cork()
    while (this.#inFlight[0]?.answer !== undefined) {
      const { answer, frameBytes } = this.#inFlight.shift() as InFlight
      this.#hold(-frameBytes)
      if (answer !== undefined && answer !== noAnswer) this.#send(answer)
    }
    this.#socket.uncork()
    this.#limitFrames()
    if (this.#endsWithAnswer && this.#inFlight.length === 0) this.#endAfterAnswers()
    else this.#advance()
  }

  #send(answer: Writer): void {
    const buffers = answer.buffers()
    const bytes = answer.length
    const last = buffers.length - 1
    this.#unsentBytes += bytes
    this.#shared.answers.take(bytes)
    buffers.forEach((buffer, i) => {
      if (i < last) this.#socket.write(buffer)
      else this.#socket.write(buffer, () => this.#sent(bytes))
    })
  }

  #sent(bytes: number): void {
    if (this.#state === 'closed') return
    this.#progressMs = this.#shared.services.clock.monotonicMs()
    this.#unsentBytes -= bytes
    this.#shared.answers.give(bytes)
  }

  /** Who has not logged in yet has little to say. */
  #limitFrames(): void {
    const { frameBytesMax } = this.#shared.limits
    this.#frames.frameBytesMax = this.#login.isDue
      ? Math.min(loginBytesMax, frameBytesMax)
      : frameBytesMax
  }

  /** What was written still arrives. */
  #endAfterAnswers(): void {
    this.#socket.end()
    this.#release()
  }

  /** Logs why, once, and closes. */
  #refuse(error: unknown, header?: RequestHeader): void {
    if (error instanceof InvariantError) throw error
    if (this.#state === 'closed') return
    const { logger } = this.#shared.services
    const fields = {
      from: this.#from,
      clientId: header?.clientId ?? this.#clientId,
      ...(header ? { api: header.route.api.name, version: header.version } : {}),
      why: messageOf(error),
    }
    if (error instanceof MalformedError)
      logger.warn('connection closed: a request cannot be read', fields)
    else logger.error('connection closed: a request failed', fields)
    this.close()
  }

  /** The client sends no more. What it produced without waiting for answers is still appended. */
  #end(): void {
    if (this.#state === 'closed') return
    this.#state = 'ended'
    this.#wakeParked()
    this.#advance()
  }

  #canStillProduce(): boolean {
    return (
      this.#frames.hasNext() &&
      this.#inFlight.every(({ header }) => header?.route.overlaps === true)
    )
  }

  #hold(bytes: number): void {
    this.#heldBytes += bytes
    if (bytes > 0) this.#shared.requests.take(bytes)
    else this.#shared.requests.give(-bytes)
  }

  #release(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#shared.requests.forget(this.#goOn)
    this.#hold(-this.#heldBytes)
    this.#shared.answers.give(this.#unsentBytes)
    this.#wakeParked()
    this.#drained?.()
  }

  #wakeParked(): void {
    const listeners = [...this.#closeListeners]
    this.#closeListeners.clear()
    for (const closed of listeners) closed()
  }
}

function answerOf({ header }: InFlight, response: unknown): InFlight['answer'] {
  if (response instanceof Writer) return response
  return response === noAnswer || header === undefined ? noAnswer : writeAnswer(header, response)
}
