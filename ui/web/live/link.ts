// One stream of frames from the server, kept alive: a lost one is opened again after a random part of a growing time
// (at most five seconds), naming the last frame that came. Knows no page: the browser's EventSource, timers and
// chance come in, so that it runs in a tab, in a shared worker and in a test.

export type LinkState =
  | { name: 'connecting' }
  | { name: 'open' }
  | { name: 'reconnecting'; attempt: number; nextTryMs: number }
  | { name: 'closed' }

export interface StreamHandlers {
  onOpen(): void
  onMessage(data: string, id: string): void
  onError(): void
}

export interface StreamSource {
  close(): void
}

export interface LinkOptions {
  url: string
  open(url: string, handlers: StreamHandlers): StreamSource
  now(): number
  after(ms: number, run: () => void): () => void
  random(): number
  onFrame(text: string): void
  onState(state: LinkState): void
}

const firstTryMs = 250
const laterTryMs = 5000
/** The server sends a frame each second and a heartbeat; a stream that says nothing this long is dead. */
export const silenceLimitMs = 12_000

export class LiveLink {
  readonly #options: LinkOptions
  #source: StreamSource | undefined
  #cancelTimer: (() => void) | undefined
  #lastId: string | undefined
  #attempt = 0
  #heardMs = 0
  state: LinkState = { name: 'closed' }

  constructor(options: LinkOptions) {
    this.#options = options
  }

  open(): void {
    if (this.#source || this.#cancelTimer) return
    this.#attempt = 0
    this.#connect()
  }

  close(): void {
    this.#drop()
    this.#set({ name: 'closed' })
  }

  /** After a gap: the next connection starts with a snapshot. */
  forget(): void {
    this.#lastId = undefined
    if (this.state.name === 'closed') return
    this.#drop()
    this.#connect()
  }

  #connect(): void {
    const { url, open } = this.#options
    this.#set(this.#attempt === 0 ? { name: 'connecting' } : this.state)
    const mark = url.includes('?') ? '&' : '?'
    const since =
      this.#lastId === undefined ? '' : `${mark}since=${encodeURIComponent(this.#lastId)}`
    this.#heardMs = this.#options.now()
    // Words of a stream that was dropped meanwhile no longer count.
    const current = () => this.#source === source
    const source: StreamSource = open(url + since, {
      onOpen: () => {
        if (!current()) return
        this.#attempt = 0
        this.#set({ name: 'open' })
      },
      onMessage: (data, id) => {
        if (!current()) return
        this.#heardMs = this.#options.now()
        if (id !== '') this.#lastId = id
        this.#options.onFrame(data)
      },
      onError: () => current() && this.#retry(),
    })
    this.#source = source
    this.#watch()
  }

  #watch(): void {
    const quietMs = this.#options.now() - this.#heardMs
    this.#cancelTimer = this.#options.after(Math.max(1, silenceLimitMs - quietMs), () => {
      if (this.#options.now() - this.#heardMs >= silenceLimitMs) this.#retry()
      else this.#watch()
    })
  }

  #retry(): void {
    this.#drop()
    this.#attempt++
    const mostMs = Math.min(laterTryMs, firstTryMs * 2 ** this.#attempt)
    const waitMs = Math.round(mostMs * (0.5 + this.#options.random() / 2))
    this.#set({
      name: 'reconnecting',
      attempt: this.#attempt,
      nextTryMs: this.#options.now() + waitMs,
    })
    this.#cancelTimer = this.#options.after(waitMs, () => {
      this.#cancelTimer = undefined
      this.#connect()
    })
  }

  #drop(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    this.#source?.close()
    this.#source = undefined
  }

  #set(state: LinkState): void {
    this.state = state
    this.#options.onState(state)
  }
}
