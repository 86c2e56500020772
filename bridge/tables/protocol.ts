// How rows get into BigQuery once and no more (gcp.md 5.3), as pure functions. What is known is a fold over facts; facts are
// written down before what they promise is done, so that a process that is killed anywhere knows what it may have done.
// The facts here are those of both ways; the verdicts are those of Storage Write, load jobs have theirs in
// load-protocol.ts. By Storage Write each table has one committed stream at a time, whose offsets take a row once.
//
//   shipping ─► stream ─► intent ──append──► landed ─► intent …          all is well
//                           │
//                           ├─ the reply is lost: the same bytes at the same offset; ALREADY_EXISTS is landed
//                           └─ anything else, or another life: finalize the stream; its row count says
//                              what landed, a new stream goes on behind it: landed | not-landed, closed
//                              the stream is gone: the table is asked for the rows of the intent
//
// One append is under way at a time, and appends are whole or not there.

export interface Intent {
  /** Of its first row in the stream. */
  offset: number
  rows: number
  seqFrom: number
  seqTo: number
}

export interface StreamKnown {
  name: string
  createdMs: number
  /** Offset behind all rows that landed. */
  next: number
}

/** Rows that a load job is meant to append; it may have. */
export interface Load {
  /** Of the job, without what a further try adds to it. */
  id: string
  /** How many jobs have failed at it. */
  retry: number
  rows: number
  seqFrom: number
  seqTo: number
  /** When this try was begun. */
  atMs: number
}

/** What is known of one table's way to BigQuery. */
export interface Ship {
  epoch: number
  /** Everything up to this `_seq` is there, or in the error lane. */
  shippedSeq: number
  stream: StreamKnown | null
  /** May have landed. */
  intent: Intent | null
  load: Load | null
  /** When the last load job was begun; 0 where there was none. */
  lastLoadMs: number
}

export type Fact =
  /** Begins anew: BigQuery was asked what it holds of the epoch. */
  | { fact: 'shipping'; epoch: number; shippedSeq: number }
  | { fact: 'stream'; name: string; createdMs: number }
  | ({ fact: 'intent' } & Intent)
  | { fact: 'landed' }
  | { fact: 'not-landed' }
  /** None of the rows up to this one can be sent; they are in the error lane. */
  | { fact: 'skipped'; seqTo: number }
  | { fact: 'closed' }
  | ({ fact: 'load' } & Load)
  | { fact: 'loaded' }
  | { fact: 'not-loaded' }

export function apply(ship: Ship | undefined, fact: Fact): Ship {
  if (fact.fact === 'shipping') {
    const { epoch, shippedSeq } = fact
    const { lastLoadMs = 0 } = ship ?? {}
    return { epoch, shippedSeq, stream: null, intent: null, load: null, lastLoadMs }
  }
  if (!ship) throw new Error(`the fact "${fact.fact}" comes before the ship it is about`)
  switch (fact.fact) {
    case 'stream':
      return { ...ship, stream: { name: fact.name, createdMs: fact.createdMs, next: 0 } }
    case 'intent': {
      const { offset, rows, seqFrom, seqTo } = fact
      return { ...ship, intent: { offset, rows, seqFrom, seqTo } }
    }
    case 'landed':
      return landed(ship)
    case 'not-landed':
      return { ...ship, intent: null }
    case 'skipped':
      return { ...ship, shippedSeq: fact.seqTo }
    case 'closed':
      return { ...ship, stream: null }
    case 'load': {
      const { id, retry, rows, seqFrom, seqTo, atMs } = fact
      const load = { id, retry, rows, seqFrom, seqTo, atMs }
      return { ...ship, load, lastLoadMs: atMs }
    }
    case 'loaded':
      if (!ship.load) throw new Error('rows were loaded that nobody meant to load')
      return { ...ship, shippedSeq: ship.load.seqTo, load: null }
    case 'not-loaded':
      return { ...ship, load: null }
  }
}

function landed(ship: Ship): Ship {
  const { stream, intent } = ship
  if (!stream || !intent) throw new Error('rows landed that nobody meant to send')
  const next = intent.offset + intent.rows
  return { ...ship, shippedSeq: intent.seqTo, stream: { ...stream, next }, intent: null }
}

/** The numbers of gRPC's statuses that mean something here. */
export const codes = {
  invalidArgument: 3,
  notFound: 5,
  deadlineExceeded: 4,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  outOfRange: 11,
  unavailable: 14,
  unauthenticated: 16,
} as const

export interface RowError {
  /** Which row of the request. */
  index: number
  message: string
}

export type AppendReply =
  | { kind: 'accepted'; offset: number | null }
  /** An answer: these rows are not in the stream by this request. */
  | { kind: 'refused'; code: number; message: string; rowErrors: RowError[] }
  /** No answer: nobody knows. */
  | { kind: 'lost'; code: number; message: string }

export type AppendVerdict =
  | { verdict: 'landed'; wasThere: boolean }
  /** The same bytes at the same offset, after a pause. */
  | { verdict: 'again'; isQuota: boolean; reason: string }
  /** These rows never can; the others go without them. */
  | { verdict: 'without'; rowErrors: RowError[] }
  /** The stream says nothing that can be relied on: its row count does. */
  | { verdict: 'finalize'; reason: string }

/** Of one try at an intent; `tries` counts this one. */
export function appendVerdict(intent: Intent, reply: AppendReply, tries: number): AppendVerdict {
  if (reply.kind === 'accepted') {
    if (reply.offset === intent.offset) return { verdict: 'landed', wasThere: false }
    return {
      verdict: 'finalize',
      reason: `accepted at ${reply.offset}, meant for ${intent.offset}`,
    }
  }
  const { code } = reply
  const reason = `${reply.message} (${code})`
  if (reply.kind === 'refused') {
    if (reply.rowErrors.length > 0) return { verdict: 'without', rowErrors: reply.rowErrors }
    // Only after a try of our own can the rows at this offset be ours.
    if (code === codes.alreadyExists && tries > 1) return { verdict: 'landed', wasThere: true }
  }
  // Never guessed: taken for ALREADY_EXISTS, OUT_OF_RANGE loses rows; sent at another offset, it doubles them.
  if (asksTheStream.has(code)) return { verdict: 'finalize', reason }
  return { verdict: 'again', isQuota: code === codes.resourceExhausted, reason }
}

const asksTheStream: ReadonlySet<number> = new Set([
  codes.invalidArgument,
  codes.notFound,
  codes.alreadyExists,
  codes.failedPrecondition,
  codes.outOfRange,
])

/** What cannot be if BigQuery and this bridge keep their promises; a person has to look. */
export interface Alarm {
  alarm: string
}

/** The stream was finalized with so many rows. */
export function afterFinalize(ship: Ship, rowCount: number): Fact[] | Alarm | 'ask the table' {
  const { stream, intent } = ship
  if (!stream) return []
  if (rowCount === stream.next) {
    return intent ? [{ fact: 'not-landed' }, { fact: 'closed' }] : [{ fact: 'closed' }]
  }
  if (intent && rowCount === stream.next + intent.rows) {
    return [{ fact: 'landed' }, { fact: 'closed' }]
  }
  // The file is older than the stream: what it does not tell, the table does.
  if (rowCount > stream.next + (intent?.rows ?? 0)) return 'ask the table'
  return {
    alarm: `the stream ${stream.name} ended with ${rowCount} rows, where ${stream.next} had landed`,
  }
}

/** What the table holds of the epoch within a range of `_seq`. */
export interface TableAnswer {
  rows: number
  maxSeq: number | null
}

/** The stream is gone, and the table was asked for the rows of the open intent. */
export function afterStreamGone(ship: Ship, answer: TableAnswer): Fact[] | Alarm {
  const { intent } = ship
  if (!intent) return [{ fact: 'closed' }]
  if (answer.rows === 0) return [{ fact: 'not-landed' }, { fact: 'closed' }]
  if (answer.rows === intent.rows) return [{ fact: 'landed' }, { fact: 'closed' }]
  return {
    alarm: `of the ${intent.rows} rows from _seq ${intent.seqFrom} to ${intent.seqTo} the table holds ${answer.rows}`,
  }
}

/**
 * Nothing is known, or not surely all: rows are shipped in order of `_seq`, so the newest there says how far it went. What
 * went to the error lane is not there.
 */
export function afterAskingTable(
  epoch: number,
  { maxSeq }: TableAnswer,
  known: Ship | undefined,
): Fact[] {
  const knownSeq = known?.epoch === epoch ? known.shippedSeq : 0
  return [{ fact: 'shipping', epoch, shippedSeq: Math.max(maxSeq ?? 0, knownSeq) }]
}
