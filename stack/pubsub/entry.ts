// A message in one subscription's window, and whoever may receive it.

import type { Lane } from './lane.ts'

export interface StoredMessage {
  seq: number
  orderingKey: string
  publishMicros: number
  /** As subscribers get it. */
  body: Uint8Array
}

export interface Entry {
  readonly message: StoredMessage
  readonly lane: Lane | undefined
  state: 'waiting' | 'leased' | 'acked'
  /** Deliveries that were refused or ran out. */
  failures: number
  /** Of the present delivery; what is left of earlier ones is stale. */
  delivery: number
  deadlineMs: number
  consumer: Consumer | undefined
}

/** A stream, a pull or a push: what it may hold at once, and what it holds. */
export class Consumer {
  readonly messagesMax: number
  readonly bytesMax: number
  outstandingMessages = 0
  outstandingBytes = 0

  /** 0 is no limit. */
  constructor({ messagesMax = 0, bytesMax = 0 }: { messagesMax?: number; bytesMax?: number } = {}) {
    this.messagesMax = messagesMax <= 0 ? Infinity : messagesMax
    this.bytesMax = bytesMax <= 0 ? Infinity : bytesMax
  }

  get hasCredit(): boolean {
    return this.outstandingMessages < this.messagesMax && this.outstandingBytes < this.bytesMax
  }
}
