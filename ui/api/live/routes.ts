// The live view over HTTP, of this machine or with `src=cloud` of the cloud: the stream, one snapshot (for a tab that joins a stream its browser already has), and one
// record of the feed in full. A reader that comes back names its last frame in `Last-Event-ID`, or in `since` where
// the page itself had closed the stream.

import { Hono } from 'hono'
import type { Context } from 'hono'
import type { Clock } from '../../../stack/base/clock.ts'
import type { Arrival } from './event-log.ts'
import type { CloudLive, LiveSide } from './cloud-live.ts'
import type { LiveFrame } from './frame.ts'
import { streamTo } from './stream.ts'

export interface LiveRoutesOptions {
  local: LiveSide
  cloudLive: CloudLive
  clock: Clock
}

export function liveRoutes({ local, cloudLive, clock }: LiveRoutesOptions) {
  /** Of the side that the reader asks for; never the other one in its place. */
  const sideOf = (c: Context): LiveSide | undefined =>
    c.req.query('src') === 'cloud' ? cloudLive.side() : local
  const off = (c: Context) =>
    c.json(
      {
        error: 'The cloud side is off: no Pub/Sub is read here.',
        hint: 'Start the stack with --cloud emulator, or --cloud google.',
      },
      409,
    )
  return new Hono()
    .get('/', (c) => {
      const side = sideOf(c)
      if (!side) return off(c)
      const { hub } = side
      if (hub.isFull) {
        c.header('Retry-After', '5')
        return c.text('Too many pages are open on this dashboard. Close one and try again.\n', 503)
      }
      const since = c.req.header('last-event-id') ?? c.req.query('since')
      return streamTo(c, { clock, ...hub.subscribe(since) })
    })
    .get('/snapshot', (c) => {
      c.header('Cache-Control', 'no-store')
      const side = sideOf(c)
      return side ? c.json<LiveFrame>(side.hub.snapshot()) : off(c)
    })
    .get('/feed/:index{\\d{1,15}}', (c) => {
      c.header('Cache-Control', 'no-store')
      const side = sideOf(c)
      if (!side) return off(c)
      const arrival = side.fold.log.find(Number(c.req.param('index')))
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
