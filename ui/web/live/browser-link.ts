// The link on what a browser has: EventSource, timers, chance. Used by the shared worker and by tabs without one.

import type { FrameSource } from '../../api/live/frame.ts'
import type { LinkState } from './link.ts'
import { LiveLink } from './link.ts'

export type FromTab =
  | { kind: 'visible' }
  | { kind: 'hidden' }
  /** Frames are missing: start again from a snapshot. */
  | { kind: 'gap' }
  /** Held as long as the tab lives. */
  | { kind: 'lock'; lock: string }
  /** The tab wants no more of it. */
  | { kind: 'leave' }

export type ToTab = { kind: 'frame'; text: string } | { kind: 'state'; state: LinkState }

/** A hidden page stops painting at once and the stream after this. */
export const hiddenLimitMs = 60_000

/** Where the frames of a source are asked for. */
export const liveUrl = (source: FrameSource, path = ''): string =>
  `/api/live${path}${source === 'cloud' ? '?src=cloud' : ''}`

export function browserLink(source: FrameSource, tell: (message: ToTab) => void): LiveLink {
  return new LiveLink({
    url: liveUrl(source),
    open(url, { onOpen, onMessage, onError }) {
      const stream = new EventSource(url)
      stream.addEventListener('open', onOpen)
      stream.addEventListener('message', ({ data, lastEventId }) =>
        onMessage(data as string, lastEventId),
      )
      stream.addEventListener('error', onError)
      return stream
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
