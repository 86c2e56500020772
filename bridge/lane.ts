// The contract of a lane: something that carries one kind of thing to Google (topics to Pub/Sub, tables to BigQuery),
// goes on where it was after any end, and says at any time how far it is. What it is given is in options.ts.

export interface Lane {
  /** `topics` or `tables`: also the value of `lane` in the error lane. */
  readonly name: string
  status(): LaneStatus
  /** What is under way is finished or given up, and what was reached is kept. */
  close(): Promise<void>
}

export type StreamState =
  /** Moving, or about to. */
  | 'running'
  /** Everything there was at the last look is delivered. */
  | 'caught-up'
  /** Something outside must change first: the target does not answer, or says no. It is tried again by itself. */
  | 'waiting'
  /** Nothing more happens here until a person does something. */
  | 'stopped'

export interface StreamCounts {
  /** Records or rows that the target acknowledged. */
  sent: number
  /** Requests that were sent again. */
  retries: number
  /** Entries written to the error lane. */
  errors: number
  /** Answers that said that it had been there already. */
  dedupHits: number
}

/** One thing that moves by itself: a partition of a topic, or a table. */
export interface StreamStatus {
  /** `user-sessions-2`, `carts_log`. */
  stream: string
  /** Everything below is in the target; an offset or a `_seq`. Null before it is known. */
  position: number | null
  /** Where the source ends; null before it is known. */
  targetPosition: number | null
  lagRecords: number
  /** How old the oldest record is that the target does not have, by the record's own time; null where there is none. */
  oldestUnsentMs: number | null
  counts: StreamCounts
  state: StreamState
  /** One sentence: why it is in this state, and where somebody must act, what to do. */
  detail: string
  /** Since when the state holds, milliseconds since 1970. */
  sinceMs: number
}

export interface LaneStatus {
  lane: string
  streams: StreamStatus[]
}
