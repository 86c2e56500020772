// The states that a stage works with. At rest a state is bytes in the store; one that is worked on is decoded, and stays so
// for a while, since whoever was here a moment ago mostly comes again.

import type { StateStore } from './store.ts'

export interface StateCodec<S> {
  encode(state: S): Buffer
  decode(key: string, bytes: Buffer): S
}

/** Decoded ones that stay between two cuts. */
const defaultDecodedMax = 2048

export class States<S> {
  readonly #store: StateStore
  readonly #codec: StateCodec<S>
  readonly #decodedMax: number
  readonly #decoded = new Map<string, S>()

  constructor(store: StateStore, codec: StateCodec<S>, decodedMax = defaultDecodedMax) {
    this.#store = store
    this.#codec = codec
    this.#decodedMax = decodedMax
  }

  /** Keys with a state at rest. */
  get size(): number {
    return this.#store.size
  }

  get(key: string): S | undefined {
    const known = this.#decoded.get(key)
    if (known !== undefined) return known
    const bytes = this.#store.get(key)
    if (bytes === undefined) return undefined
    const state = this.#codec.decode(key, bytes)
    this.#decoded.set(key, state)
    return state
  }

  /** A key's first state; it is not kept yet. */
  add(key: string, state: S): S {
    this.#decoded.set(key, state)
    return state
  }

  /** As it is now. Answers the bytes, for the changelog. */
  keep(key: string, state: S): Buffer {
    const bytes = this.#codec.encode(state)
    this.#store.set(key, bytes)
    return bytes
  }

  /** What a changelog holds. */
  restore(key: string, bytes: Buffer): S {
    this.#store.set(key, bytes)
    return this.#codec.decode(key, bytes)
  }

  drop(key: string): void {
    this.#decoded.delete(key)
    this.#store.delete(key)
  }

  slotOf(key: string): number {
    return this.#store.slotOf(key)
  }

  keyAt(slot: number): string {
    return this.#store.keyAt(slot)
  }

  /** After a cut: everything is kept. The ones decoded longest ago go. */
  settle(): void {
    let excess = this.#decoded.size - this.#decodedMax
    for (const key of this.#decoded.keys()) {
      if (excess-- <= 0) return
      this.#decoded.delete(key)
    }
  }
}
