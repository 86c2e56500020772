// The smallest client of the protocol: writes requests and reads answers by the same message table as the broker, for
// tests and benchmarks. Answers come in the order of the requests. No retries, no metadata, no groups.

import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { OperatingError } from '../base/errors.ts'
import type { Api } from './protocol/api.ts'
import { FrameReader } from './protocol/frames.ts'
import { Reader } from './protocol/reader.ts'
import { Writer } from './protocol/writer.ts'

interface Waiting {
  resolve(frame: Buffer): void
  reject(error: Error): void
}

const answerBytesMax = 256 * 1024 * 1024
const apiVersionsKey = 18

export class WireClient {
  readonly #socket: Socket
  readonly #frames = new FrameReader(answerBytesMax)
  #waiting: Waiting[] = []
  #correlationId = 0
  /** Resolves when the connection is closed, by whichever side. */
  readonly closed: Promise<void>

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('error', () => {})
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        for (const { reject } of this.#waiting) reject(new OperatingError('the connection closed'))
        this.#waiting = []
        resolve()
      })
    })
  }

  static async connect(port: number, host = '127.0.0.1'): Promise<WireClient> {
    const socket = connect(port, host)
    const client = new WireClient(socket)
    await once(socket, 'connect')
    return client
  }

  async call<Request, Response>(
    api: Api<Request, Response>,
    version: number,
    request: Request,
  ): Promise<Response> {
    const frame = await this.exchange(encodeRequest(api, version, request, this.#correlationId++))
    return decodeResponse(api, version, frame)
  }

  /** A whole request, size and all; resolves with the answer behind its size. */
  exchange(request: Buffer): Promise<Buffer> {
    const answer = new Promise<Buffer>((resolve, reject) => {
      if (this.#socket.destroyed) reject(new OperatingError('the connection closed'))
      else this.#waiting.push({ resolve, reject })
    })
    this.#socket.write(request)
    return answer
  }

  /** Bytes as they are; nothing is expected back. */
  write(bytes: Uint8Array): void {
    this.#socket.write(bytes)
  }

  /** Reads nothing until `resume`. */
  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** No more is sent; what is answered is still read. */
  end(): void {
    this.#socket.end()
  }

  close(): void {
    this.#socket.destroy()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #receive(chunk: Buffer): void {
    this.#frames.push(chunk)
    for (let frame = this.#frames.next(); frame; frame = this.#frames.next()) {
      this.#waiting.shift()?.resolve(frame)
    }
  }
}

export function encodeRequest<Request>(
  { key, flexibleFrom, request: type }: Api<Request, unknown>,
  version: number,
  request: Request,
  correlationId = 0,
): Buffer {
  const flexible = version >= flexibleFrom
  const writer = new Writer()
  writer.int32(0)
  writer.int16(key)
  writer.int16(version)
  writer.int32(correlationId)
  writer.int16(clientId.length)
  writer.text(clientId, clientId.length)
  if (flexible) writer.uvarint(0)
  type.write(writer, request, { number: version, flexible })
  writer.patchInt32(0, writer.length - 4)
  return Buffer.concat(writer.buffers())
}

const clientId = 'wire'

export function decodeResponse<Response>(
  { key, flexibleFrom, response: type }: Api<unknown, Response>,
  version: number,
  frame: Buffer,
): Response {
  const flexible = version >= flexibleFrom
  const reader = new Reader(frame)
  reader.int32()
  if (flexible && key !== apiVersionsKey) reader.skipTaggedFields()
  return type.read(reader, { number: version, flexible })
}
