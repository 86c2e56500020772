// The live view as signals: frames in, one batch an animation frame out. The newest frame wins; rows of every frame
// are kept. Nothing is painted while the page is hidden or paused, and nothing is lost by it.

import { batch, createSignal, onCleanup } from 'solid-js'
import type { FeedRow, FrameSource, LiveFrame } from '../../api/live/frame.ts'
import type { LinkState } from './link.ts'
import { liveUrl } from './browser-link.ts'
import { mergeFeed } from './feed.ts'
import { LatencyMeter } from './latency.ts'
import { LiveState } from './rings.ts'
import { openShared } from './shared.ts'
import type { LiveStatus } from './status.ts'
import { statusOf } from './status.ts'

export interface Live {
  source: FrameSource
  /** The frame on screen. */
  frame(): LiveFrame | undefined
  /** Seconds and minutes; read them in what depends on `frame`. */
  rows: Pick<LiveState, 'seconds' | 'minutes'>
  feed(): FeedRow[]
  /** Share of arrivals that the newest frames carried: 1 of n. */
  sampling(): number
  status(): LiveStatus
  /** The shop's now, ticking. */
  nowMs(): number
  latencyMs(): { p50: number; p95: number } | undefined
  togglePause(): void
  isPaused(): boolean
}

export function createLive(source: FrameSource): Live {
  const state = new LiveState()
  const meter = new LatencyMeter()
  const [frame, setFrame] = createSignal<LiveFrame>()
  const [feed, setFeed] = createSignal<FeedRow[]>([])
  const [sampling, setSampling] = createSignal(1)
  const [latencyMs, setLatencyMs] = createSignal<{ p50: number; p95: number }>()
  const [link, setLink] = createSignal<LinkState>({ name: 'connecting' })
  const [paused, setPaused] = createSignal<{ sinceMs: number; waiting: number }>()
  const [clock, setClock] = createSignal(Date.now())
  let pending: LiveFrame[] = []
  let rows: FeedRow[] = []
  let heardMs = 0
  let lastEventMs = Date.now()
  let waiting = 0
  let scheduled = 0

  const paint = () => {
    scheduled = 0
    const { frame: newest } = state
    if (!newest || paused() || document.hidden) return
    batch(() => {
      const paintedMs = serverNow()
      for (const each of pending) for (const timeMs of each.sampleMs) meter.add(paintedMs, timeMs)
      pending = []
      setFrame(newest)
      setFeed(rows)
      setSampling(newest.feed.rows.length === 0 ? 1 : newest.feed.outOf / newest.feed.rows.length)
      setLatencyMs(meter.percentiles(paintedMs))
      setClock(Date.now())
    })
  }
  const schedule = () => {
    scheduled ||= requestAnimationFrame(paint)
  }

  let isGone = false
  const shared = openShared(source, (message) => {
    if (isGone) return
    if (message.kind === 'state') {
      setLink(message.state)
      return
    }
    const next = JSON.parse(message.text) as LiveFrame
    const result = state.apply(next)
    if (result === 'gap') void rejoin()
    if (result !== 'applied') return
    heardMs = Date.now()
    offsetMs = next.nowMs - heardMs
    rows = mergeFeed(next.sinceSeq === null ? [] : rows, next.feed.rows)
    if (next.feed.outOf > 0) lastEventMs = heardMs
    const held = paused()
    if (held) {
      waiting += next.feed.outOf
      setPaused({ ...held, waiting })
      return
    }
    pending.push(next)
    if (pending.length > 60) pending.shift()
    schedule()
  })

  /** The shop's clock as of the newest frame, carried on by the browser's. */
  let offsetMs = 0
  const serverNow = () => Date.now() + offsetMs

  let joining: Promise<void> | undefined
  /** A tab that joined a running stream has no snapshot: fetch one, or start the stream afresh. */
  const rejoin = (): Promise<void> => {
    joining ??= fetch(liveUrl(source, '/snapshot'))
      .then((response) => (response.ok ? response.json() : Promise.reject(new Error('refused'))))
      .then((snapshot: LiveFrame) => {
        if (state.apply(snapshot) !== 'applied') return
        heardMs = Date.now()
        offsetMs = snapshot.nowMs - heardMs
        rows = mergeFeed([], snapshot.feed.rows)
        schedule()
      })
      .catch(() => {
        if (!isGone) shared.send({ kind: 'gap' })
      })
      .finally(() => (joining = undefined))
    return joining
  }
  void rejoin()

  const ticking = setInterval(() => !document.hidden && setClock(Date.now()), 1000)
  const onVisible = () => {
    shared.send({ kind: document.hidden ? 'hidden' : 'visible' })
    if (!document.hidden) schedule()
  }
  document.addEventListener('visibilitychange', onVisible)
  onCleanup(() => {
    isGone = true
    shared.close()
    clearInterval(ticking)
    cancelAnimationFrame(scheduled)
    document.removeEventListener('visibilitychange', onVisible)
  })

  return {
    source,
    frame,
    rows: state,
    feed,
    sampling,
    latencyMs,
    nowMs: () => clock() + offsetMs,
    status: () =>
      statusOf({
        link: link(),
        isOnline: navigator.onLine,
        paused: paused(),
        frame: frame(),
        heardMs,
        latencyMs: latencyMs()?.p50,
        lastEventMs,
        nowMs: clock(),
      }),
    isPaused: () => paused() !== undefined,
    togglePause() {
      if (paused()) {
        setPaused(undefined)
        paint()
        return
      }
      waiting = 0
      setPaused({ sinceMs: serverNow(), waiting })
    },
  }
}
