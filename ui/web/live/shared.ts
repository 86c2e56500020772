// How a tab comes by frames. Browsers allow six HTTP/1.1 connections to a host, so tabs share one stream: through a
// shared worker; else the tab that holds a lock opens the stream and broadcasts; else, without locks, each its own.
// A tab that joins a running stream fetches one snapshot and goes on from there.

import type { FromTab, ToTab } from './browser-link.ts'
import { browserLink, hiddenLimitMs } from './browser-link.ts'

export interface SharedStream {
  how: 'worker' | 'leader' | 'own'
  send(message: Exclude<FromTab, { kind: 'lock' }>): void
}

export function openShared(onMessage: (message: ToTab) => void): SharedStream {
  if (typeof SharedWorker === 'function') return throughWorker(onMessage)
  if (typeof BroadcastChannel === 'function' && 'locks' in navigator)
    return throughLeader(onMessage)
  const { link, send } = ownStream(onMessage)
  link.open()
  return { how: 'own', send }
}

function throughWorker(onMessage: (message: ToTab) => void): SharedStream {
  const worker = new SharedWorker(new URL('./stream-worker.ts', import.meta.url), {
    type: 'module',
    name: 'slipway-live',
  })
  const { port } = worker
  port.addEventListener('message', ({ data }: MessageEvent<ToTab>) => onMessage(data))
  port.start()
  holdLock((lock) => port.postMessage({ kind: 'lock', lock } satisfies FromTab))
  return { how: 'worker', send: (message) => port.postMessage(message) }
}

/** A lock that only the end of this tab releases. */
function holdLock(told: (lock: string) => void): void {
  if (!('locks' in navigator)) return
  const lock = `slipway-tab-${crypto.randomUUID()}`
  void navigator.locks.request(lock, () => {
    told(lock)
    return new Promise(() => {})
  })
}

function throughLeader(onMessage: (message: ToTab) => void): SharedStream {
  const channel = new BroadcastChannel('slipway-live')
  let own: ReturnType<typeof ownStream> | undefined
  channel.addEventListener('message', ({ data }: MessageEvent<ToTab | { kind: 'gap' }>) => {
    if (data.kind === 'gap') own?.send(data)
    else onMessage(data)
  })
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel is of one origin by itself
  const tellOthers = (message: ToTab | { kind: 'gap' }) => channel.postMessage(message)
  void navigator.locks.request('slipway-live-leader', () => {
    own = ownStream((message) => {
      tellOthers(message)
      onMessage(message)
    })
    own.link.open()
    return new Promise(() => {})
  })
  return {
    how: 'leader',
    // The leader's stream serves all tabs, so only a tab with a stream of its own may close it when hidden.
    send: (message) => {
      if (message.kind !== 'gap') return
      if (own) own.send(message)
      else tellOthers(message)
    },
  }
}

function ownStream(onMessage: (message: ToTab) => void) {
  const link = browserLink(onMessage)
  let timer: ReturnType<typeof setTimeout> | undefined
  const send: SharedStream['send'] = (message) => {
    clearTimeout(timer)
    if (message.kind === 'visible') link.open()
    else if (message.kind === 'gap') link.forget()
    else timer = setTimeout(() => link.close(), hiddenLimitMs)
  }
  return { link, send }
}
