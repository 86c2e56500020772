// The live view over HTTP: the stream, one snapshot (for a tab that joins a stream its browser already has), and one
// record of the feed in full. A reader that comes back names its last frame in `Last-Event-ID`, or in `since` where
// the page itself had closed the stream.

import { Hono } from 'hono'
import type { Clock } from '../../../stack/base/clock.ts'
import type { Arrival } from './event-log.ts'
import type { LiveFold } from './fold.ts'
import type { LiveFrame } from './frame.ts'
import type { LiveHub } from './hub.ts'
import { streamTo } from './stream.ts'

export interface LiveRoutesOptions {
  hub: LiveHub
  fold: LiveFold
  clock: Clock
}

export function liveRoutes({ hub, fold, clock }: LiveRoutesOptions) {
  return new Hono()
    .get('/', (c) => {
      if (hub.isFull) {
        c.header('Retry-After', '5')
        return c.text('Too many pages are open on this dashboard. Close one and try again.\n', 503)
      }
      const since = c.req.header('last-event-id') ?? c.req.query('since')
      return streamTo(c, { clock, ...hub.subscribe(since) })
    })
    .get('/snapshot', (c) => {
      c.header('Cache-Control', 'no-store')
      return c.json<LiveFrame>(hub.snapshot())
    })
    .get('/feed/:index{\\d{1,15}}', (c) => {
      c.header('Cache-Control', 'no-store')
      const arrival = fold.log.find(Number(c.req.param('index')))
      // JSON text on its way through; the page reads it as what it is.
      return arrival ? c.json(shown(arrival)) : c.json({ error: 'no longer kept' }, 404)
    })
}

/** A record as a person wants to see it. */
export function shown({ topic, partition, offset, key, event, rejected }: Arrival): ShownRecord {
  return { topic, partition, offset, key, value: JSON.stringify(event ?? rejected, null, 2) }
}

export interface ShownRecord {
  topic: string
  partition: number
  offset: number
  key: string | null
  /** Pretty JSON. */
  value: string
}
