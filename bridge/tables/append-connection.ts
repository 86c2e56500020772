// One connection of Storage Write to one stream: a request, its reply, then the next request. The client's own writer on
// top of it is left out: it resolves errors, sends again out of order, and repeats the descriptor in every request.

import type { Clock, Timer } from '#stack/base/clock.ts'
import { messageOf } from '#stack/base/errors.ts'
import type { StorageWriter } from '#stack/google/bigquery.ts'
import { codes } from './protocol.ts'
import type { AppendReply } from './protocol.ts'
import type { ProtoDescriptor } from './row-encoding.ts'

interface AppendResponse {
  appendResult?: { offset?: { value?: string | number | null } | null } | null
  error?: { code?: number | null; message?: string | null } | null
  rowErrors?: { index?: string | number | null; message?: string | null }[] | null
}

/** The duplex of the generated client, as much of it as is used. */
interface AppendCall {
  write(request: object): void
  end(): void
  destroy(): void
  on(event: 'data', listener: (response: AppendResponse) => void): void
  on(event: 'error', listener: (error: unknown) => void): void
  on(event: 'end' | 'close', listener: () => void): void
}

export interface ConnectionOptions {
  writer: StorageWriter
  clock: Clock
  stream: string
  descriptor: ProtoDescriptor
  /** Without a reply for this long, nobody knows. */
  replyMs: number
}

export class AppendConnection {
  readonly #call: AppendCall
  readonly #options: ConnectionOptions
  #isFirst = true
  #waiting: ((reply: AppendReply) => void) | undefined
  #limit: Timer | undefined
  /** Why it takes nothing more. */
  #over: AppendReply | undefined

  constructor(options: ConnectionOptions) {
    this.#options = options
    // The header tells Google's front end which region the stream is in.
    const headers = { 'x-goog-request-params': `write_stream=${options.stream}` }
    this.#call = options.writer.getClient().appendRows({ otherArgs: { headers } })
    this.#call.on('data', (response) => this.#answer(replyOf(response)))
    this.#call.on('error', (error) => this.#end(lostBy(error)))
    this.#call.on('end', () => this.#end(lost(codes.unavailable, 'the connection ended')))
    this.#call.on('close', () => this.#end(lost(codes.unavailable, 'the connection was closed')))
  }

  get isOver(): boolean {
    return this.#over !== undefined
  }

  append(offset: number, rows: readonly Uint8Array[]): Promise<AppendReply> {
    if (this.#over) return Promise.resolve(this.#over)
    const { clock, stream, descriptor, replyMs } = this.#options
    const writerSchema = this.#isFirst ? { writerSchema: { protoDescriptor: descriptor } } : {}
    const { promise, resolve } = Promise.withResolvers<AppendReply>()
    this.#waiting = resolve
    this.#limit = clock.after(replyMs, () => {
      this.#end(lost(codes.deadlineExceeded, `no reply within ${replyMs} ms`))
      this.#call.destroy()
    })
    this.#call.write({
      ...(this.#isFirst && { writeStream: stream }),
      offset: { value: offset },
      protoRows: { ...writerSchema, rows: { serializedRows: rows } },
    })
    this.#isFirst = false
    return promise
  }

  close(): void {
    if (this.#over) return
    this.#end(lost(codes.unavailable, 'the connection was closed here'))
    this.#call.end()
    this.#call.destroy()
  }

  #end(reply: AppendReply): void {
    this.#over ??= reply
    this.#answer(reply)
  }

  #answer(reply: AppendReply): void {
    this.#limit?.cancel()
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.(reply)
  }
}

function replyOf({ appendResult, error, rowErrors }: AppendResponse): AppendReply {
  const refusedRows = rowErrors ?? []
  if (error || refusedRows.length > 0) {
    return {
      kind: 'refused',
      code: error?.code ?? codes.invalidArgument,
      message: error?.message ?? 'rows were refused',
      rowErrors: refusedRows.map(({ index, message }) => ({
        index: Number(index ?? 0),
        message: message ?? '',
      })),
    }
  }
  const value = appendResult?.offset?.value
  return { kind: 'accepted', offset: value === null || value === undefined ? null : Number(value) }
}

function lost(code: number, message: string): AppendReply {
  return { kind: 'lost', code, message }
}

function lostBy(error: unknown): AppendReply {
  const { code } = error as { code?: number }
  return lost(typeof code === 'number' ? code : codes.unavailable, messageOf(error))
}
