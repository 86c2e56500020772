// The link on what a browser has: EventSource, timers, chance. Used by the shared worker and by tabs without one.

import type { LinkState } from './link.ts'
import { LiveLink } from './link.ts'

export type FromTab =
  | { kind: 'visible' }
  | { kind: 'hidden' }
  /** Frames are missing: start again from a snapshot. */
  | { kind: 'gap' }
  /** Held as long as the tab lives. */
  | { kind: 'lock'; lock: string }

export type ToTab = { kind: 'frame'; text: string } | { kind: 'state'; state: LinkState }

/** A hidden page stops painting at once and the stream after this. */
export const hiddenLimitMs = 60_000

export function browserLink(tell: (message: ToTab) => void): LiveLink {
  return new LiveLink({
    url: '/api/live',
    open(url, { onOpen, onMessage, onError }) {
      const source = new EventSource(url)
      source.addEventListener('open', onOpen)
      source.addEventListener('message', ({ data, lastEventId }) =>
        onMessage(data as string, lastEventId),
      )
      source.addEventListener('error', onError)
      return source
    },
    now: () => Date.now(),
    after(ms, run) {
      const timer = setTimeout(run, ms)
      return () => clearTimeout(timer)
    },
    random: () => Math.random(),
    onFrame: (text) => tell({ kind: 'frame', text }),
    onState: (state) => tell({ kind: 'state', state }),
  })
}
