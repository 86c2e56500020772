// One connection to a broker with requests from the message table. Answers come in the order of the requests.

import { createConnection } from 'node:net'
import type { Socket } from 'node:net'
import { OperatingError } from '../base/errors.ts'
import { MiB } from '../base/units.ts'
import type { Api } from '../kafka/protocol/api.ts'
import { FrameReader } from '../kafka/protocol/frames.ts'
import type { MalformedError } from '../kafka/protocol/reader.ts'
import { Reader } from '../kafka/protocol/reader.ts'
import { Writer } from '../kafka/protocol/writer.ts'

export interface WireConnection {
  request<Request, Response>(
    api: Api<Request, Response>,
    version: number,
    request: Request,
  ): Promise<Response>
  close(): void
}

const connectMs = 3000
/** Longer than any broker holds a request: a produce, a fetch, a member who waits for others. */
const answerMs = 45_000
/** Fetches ask for less; a first batch comes whole, however large. */
const answerBytesMax = 256 * MiB

export async function connectWire(address: string, clientId: string): Promise<WireConnection> {
  const socket = await open(address)
  const waiting: PromiseWithResolvers<Buffer>[] = []
  const frames = new FrameReader(answerBytesMax)
  let correlationId = 0

  const fail = (error: Error) => {
    socket.destroy()
    for (const answer of waiting.splice(0)) answer.reject(error)
  }
  socket.on('data', (chunk: Buffer) => {
    frames.push(chunk)
    try {
      for (let frame = frames.next(); frame; frame = frames.next()) waiting.shift()?.resolve(frame)
    } catch (error) {
      fail(lost(address, (error as MalformedError).message))
    }
  })
  socket.setTimeout(answerMs, () => {
    if (waiting.length > 0) fail(lost(address, 'no answer in time'))
  })
  socket.on('error', (error) => fail(lost(address, error.message)))
  socket.on('close', () => fail(lost(address, 'closed')))

  return {
    async request(api, version, request) {
      if (socket.destroyed) throw lost(address, 'closed')
      const flexible = version >= api.flexibleFrom
      const writer = new Writer(1024)
      writer.int32(0)
      writer.int16(api.key)
      writer.int16(version)
      writer.int32(correlationId++)
      writer.int16(clientId.length)
      writer.text(clientId, clientId.length)
      if (flexible) writer.uvarint(0)
      api.request.write(writer, request, { number: version, flexible })
      writer.patchInt32(0, writer.length - 4)
      const answer = Promise.withResolvers<Buffer>()
      waiting.push(answer)
      socket.cork()
      for (const buffer of writer.buffers()) socket.write(buffer)
      socket.uncork()
      const reader = new Reader(await answer.promise)
      reader.int32()
      if (flexible) reader.skipTaggedFields()
      return api.response.read(reader, { number: version, flexible })
    },
    close: () => void socket.destroy(),
  }
}

function open(address: string): Promise<Socket> {
  const [host = '127.0.0.1', port = '9092'] = address.split(':')
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host, port: Number(port), noDelay: true })
    socket.setTimeout(connectMs, () => socket.destroy(lost(address, 'no connection in time')))
    socket.once('error', (error) => reject(lost(address, error.message)))
    socket.once('connect', () => {
      socket.setTimeout(0)
      socket.removeAllListeners('error')
      socket.removeAllListeners('timeout')
      resolve(socket)
    })
  })
}

function lost(address: string, why: string): OperatingError {
  return new OperatingError(`the connection to the broker failed: ${why}`, {
    where: address,
    retriable: true,
    hint: 'is the broker running and reachable?',
  })
}
