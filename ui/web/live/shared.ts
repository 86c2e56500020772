// How a tab comes by frames. Browsers allow six HTTP/1.1 connections to a host, so tabs share one stream: through a
// shared worker; else the tab that holds a lock opens the stream and broadcasts; else, without locks, each its own.
// A tab that joins a running stream fetches one snapshot and goes on from there.

import type { FrameSource } from '../../api/live/frame.ts'
import type { FromTab, ToTab } from './browser-link.ts'
import { browserLink, hiddenLimitMs } from './browser-link.ts'
import { workerNames } from './sources.ts'

export interface SharedStream {
  how: 'worker' | 'leader' | 'own'
  send(message: Exclude<FromTab, { kind: 'lock' | 'leave' }>): void
  /** Other tabs go on. */
  close(): void
}

type Hear = (message: ToTab) => void

/** Each source has a stream of its own. */
export function openShared(source: FrameSource, onMessage: Hear): SharedStream {
  if (typeof SharedWorker === 'function') return throughWorker(source, onMessage)
  if (typeof BroadcastChannel === 'function' && 'locks' in navigator)
    return throughLeader(source, onMessage)
  const { link, send } = ownStream(source, onMessage)
  link.open()
  return { how: 'own', send, close: () => link.close() }
}

function throughWorker(source: FrameSource, onMessage: Hear): SharedStream {
  const { port } = source === 'cloud' ? cloudWorker() : localWorker()
  port.addEventListener('message', ({ data }: MessageEvent<ToTab>) => onMessage(data))
  port.start()
  const letGo = holdLock(`slipway-tab-${crypto.randomUUID()}`, (lock) =>
    port.postMessage({ kind: 'lock', lock } satisfies FromTab),
  )
  return {
    how: 'worker',
    send: (message) => port.postMessage(message),
    close() {
      port.postMessage({ kind: 'leave' } satisfies FromTab)
      letGo()
    },
  }
}

/** The bundler reads these calls, so each says everything. */
const localWorker = () =>
  new SharedWorker(new URL('./stream-worker.ts', import.meta.url), {
    type: 'module',
    name: 'slipway-live',
  })
const cloudWorker = () =>
  new SharedWorker(new URL('./stream-worker.ts', import.meta.url), {
    type: 'module',
    name: 'slipway-live-cloud',
  })

/** Held until it is let go, or this tab ends. */
function holdLock(name: string, held: (lock: string) => void): () => void {
  const over = Promise.withResolvers<void>()
  if ('locks' in navigator) {
    void navigator.locks.request(name, () => {
      held(name)
      return over.promise
    })
  }
  return () => over.resolve()
}

function throughLeader(source: FrameSource, onMessage: Hear): SharedStream {
  const channel = new BroadcastChannel(workerNames[source])
  let own: ReturnType<typeof ownStream> | undefined
  channel.addEventListener('message', ({ data }: MessageEvent<ToTab | { kind: 'gap' }>) => {
    if (data.kind === 'gap') own?.send(data)
    else onMessage(data)
  })
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel is of one origin by itself
  const tellOthers = (message: ToTab | { kind: 'gap' }) => channel.postMessage(message)
  const letGo = holdLock(`${workerNames[source]}-leader`, () => {
    own = ownStream(source, (message) => {
      tellOthers(message)
      onMessage(message)
    })
    own.link.open()
  })
  return {
    how: 'leader',
    // The leader's stream serves all tabs, so only a tab with a stream of its own may close it when hidden.
    send: (message) => {
      if (message.kind !== 'gap') return
      if (own) own.send(message)
      else tellOthers(message)
    },
    close() {
      own?.link.close()
      channel.close()
      letGo()
    },
  }
}

function ownStream(source: FrameSource, onMessage: Hear) {
  const link = browserLink(source, onMessage)
  let timer: ReturnType<typeof setTimeout> | undefined
  const send: SharedStream['send'] = (message) => {
    clearTimeout(timer)
    if (message.kind === 'visible') link.open()
    else if (message.kind === 'gap') link.forget()
    else timer = setTimeout(() => link.close(), hiddenLimitMs)
  }
  return { link, send }
}
