// Server-sent events to one reader, with what naive streaming lacks: one idempotent close that both the stream's
// abort and the request's signal reach; a latest-wins slot instead of a queue (what a slow reader missed is computed
// from the last frame it was sent, so nothing is buffered and nothing is lost); one writer loop that awaits each write
// with a limit; a heartbeat comment through the same loop; headers that keep proxies from holding it back. The cap on
// readers is the hub's.

import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import { stream } from 'hono/streaming'
import type { Clock } from '../../../stack/base/clock.ts'

export const heartbeatMs = 10_000
export const writeLimitMs = 5000

/** gone: the reader left; slow: a write took too long; closed: the server ends. */
export type StreamEnd = 'gone' | 'slow' | 'closed'

export interface Reader {
  /** Something new is there; the writer asks for it when it is free. Never blocks. */
  wake(): void
  close(reason: StreamEnd): void
}

export interface Message {
  id: string
  data: string
}

export interface StreamOptions {
  clock: Clock
  /** The next message after what this reader was sent, or undefined when it has everything. */
  next(): Message | undefined
  onOpen(reader: Reader): void
  onEnd(reason: StreamEnd): void
}

export function streamTo(c: Context, options: StreamOptions): Response {
  c.header('Content-Type', 'text/event-stream; charset=utf-8')
  c.header('Cache-Control', 'no-store')
  c.header('X-Accel-Buffering', 'no')
  return stream(c, async (body) => {
    const { clock } = options
    const ended = Promise.withResolvers<void>()
    const state = { isOpen: true }
    let news = Promise.withResolvers<void>()
    let heartbeatDue = false
    const close = (reason: StreamEnd): void => {
      if (!state.isOpen) return
      state.isOpen = false
      ended.resolve()
      options.onEnd(reason)
      body.abort()
      // A socket that takes no more bytes never sees the end of the body; it is cut.
      if (reason === 'slow') (c.env as HttpBindings | undefined)?.outgoing?.destroy()
    }
    const write = async (text: string): Promise<void> => {
      const limit = clock.after(writeLimitMs, () => close('slow'))
      await Promise.race([body.write(text), ended.promise])
      limit.cancel()
    }
    body.onAbort(() => close('gone'))
    c.req.raw.signal.addEventListener('abort', () => close('gone'), { once: true })
    options.onOpen({ wake: () => news.resolve(), close })
    const heartbeat = clock.every(heartbeatMs, () => {
      heartbeatDue = true
      news.resolve()
    })
    try {
      await write('retry: 1000\n\n')
      while (state.isOpen) {
        const message = options.next()
        if (message) await write(`id: ${message.id}\ndata: ${message.data}\n\n`)
        else if (heartbeatDue) await write(': still here\n\n')
        else {
          await Promise.race([news.promise, ended.promise])
          news = Promise.withResolvers<void>()
          continue
        }
        heartbeatDue = false
      }
    } finally {
      heartbeat.cancel()
      close('closed')
    }
  })
}
