// One transactional id: what is known of its producer, and the transaction that is open or ends. Every transition is a
// function from a state and a request to the next state or to Kafka's error code; the coordinator makes it durable.
//
//            add partitions            EndTxn, time-out               markers are written
//   Empty ───────────────────► Ongoing ────────────────► Prepare… ────────────────────────► Complete…
//     ▲                           ▲                                                             │
//     └── InitProducerId          └──────────────── add partitions ────────────────────────────┘
//
// Prepare is the decision: from then on the transaction ends that way, whatever happens.

import { errorCodes } from '../protocol/errors.ts'
import type { TopicPartition } from '../group/offsets.ts'

export type TransactionState =
  | 'Empty'
  | 'Ongoing'
  | 'PrepareCommit'
  | 'PrepareAbort'
  | 'CompleteCommit'
  | 'CompleteAbort'

export interface Transaction {
  kind: 'transaction'
  id: string
  producerId: number
  producerEpoch: number
  /** Before the last rise that its own producer asked for, -1 after any other: a repeated request is known by it. */
  lastProducerEpoch: number
  /** Before its epochs were used up. */
  lastProducerId: number
  timeoutMs: number
  state: TransactionState
  partitions: TopicPartition[]
  /** Groups whose offsets belong to it. */
  groups: string[]
  /** -1 while none is open. */
  startedMs: number
  changedMs: number
}

export interface Producer {
  producerId: number
  producerEpoch: number
}

/** The next state, or why there is none; with NONE the state is right as it is. */
export type Step = { next: Transaction } | { errorCode: number }

export const noProducer: Producer = { producerId: -1, producerEpoch: -1 }

/** The last epoch is left for fencing the producer. */
const epochMax = 32_766

export function newTransaction(id: string, producerId: number, nowMs: number): Transaction {
  return {
    kind: 'transaction',
    id,
    producerId,
    producerEpoch: -1,
    lastProducerEpoch: -1,
    lastProducerId: -1,
    timeoutMs: 0,
    state: 'Empty',
    partitions: [],
    groups: [],
    startedMs: -1,
    changedMs: nowMs,
  }
}

export function isEnding({ state }: Transaction): boolean {
  return state === 'PrepareCommit' || state === 'PrepareAbort'
}

export interface InitRequest {
  /** What the producer believes to be (KIP-360), or nobody. */
  expected: Producer
  timeoutMs: number
  nowMs: number
}

/** Whether the producer that asks may still be the one that is known. */
export function mayInit(known: Transaction, { expected }: InitRequest): boolean {
  if (known.producerEpoch < 0 || expected.producerEpoch < 0) return true
  if (expected.producerId === known.producerId) return true
  return expected.producerId === known.lastProducerId && expected.producerEpoch >= epochMax
}

export function needsNewProducerId(known: Transaction, { expected }: InitRequest): boolean {
  const isAsked = expected.producerEpoch < 0 || expected.producerEpoch === known.producerEpoch
  return known.producerEpoch >= epochMax && isAsked
}

/** InitProducerId where no transaction is open: a higher epoch fences whoever had the one before. */
export function init(known: Transaction, request: InitRequest, newProducerId: number): Step {
  const { expected, timeoutMs, nowMs } = request
  const isOwn = expected.producerEpoch >= 0
  const base = { ...closed(known, 'Empty'), timeoutMs, changedMs: nowMs }
  if (needsNewProducerId(known, request)) {
    return {
      next: {
        ...base,
        producerId: newProducerId,
        producerEpoch: 0,
        lastProducerId: known.producerId,
        lastProducerEpoch: isOwn ? known.producerEpoch : -1,
      },
    }
  }
  const isRepeat = isOwn && expected.producerEpoch === known.lastProducerEpoch
  const isCurrent =
    !isOwn || known.producerEpoch < 0 || expected.producerEpoch === known.producerEpoch
  // A new id whose first answer was lost comes back with the used-up epoch of the old one.
  if (!isCurrent && isRepeat) return { next: base }
  if (!isCurrent) return { errorCode: errorCodes.PRODUCER_FENCED }
  return {
    next: {
      ...base,
      producerEpoch: known.producerEpoch + 1,
      lastProducerEpoch: isOwn ? known.producerEpoch : -1,
    },
  }
}

/** Ends an open transaction in the name of the coordinator: nobody can go on with it. */
export function fence(known: Transaction, nowMs: number): Transaction {
  const producerEpoch = known.producerEpoch + 1
  return {
    ...known,
    state: 'PrepareAbort',
    producerEpoch,
    lastProducerEpoch: -1,
    changedMs: nowMs,
  }
}

export interface Additions {
  partitions: readonly TopicPartition[]
  groups: readonly string[]
}

export function add(
  known: Transaction | undefined,
  producer: Producer,
  { partitions, groups }: Additions,
  nowMs: number,
): Step {
  const fault = producerFault(known, producer)
  if (fault !== errorCodes.NONE || !known) return { errorCode: fault }
  if (isEnding(known)) return { errorCode: errorCodes.CONCURRENT_TRANSACTIONS }
  const open = known.state === 'Ongoing' ? known : { ...closed(known, 'Ongoing'), startedMs: nowMs }
  const morePartitions = partitions.filter((each) => !contains(open, each))
  const moreGroups = groups.filter((group) => !open.groups.includes(group))
  if (known.state === 'Ongoing' && morePartitions.length + moreGroups.length === 0)
    return { errorCode: errorCodes.NONE }
  return {
    next: {
      ...open,
      partitions: [...open.partitions, ...morePartitions],
      groups: [...open.groups, ...moreGroups],
      changedMs: nowMs,
    },
  }
}

export function end(
  known: Transaction | undefined,
  producer: Producer,
  commits: boolean,
  nowMs: number,
): Step {
  const fault = producerFault(known, producer)
  if (fault !== errorCodes.NONE || !known) return { errorCode: fault }
  const outcome = commits ? 'Commit' : 'Abort'
  if (known.state === 'Ongoing')
    return { next: { ...known, state: `Prepare${outcome}`, changedMs: nowMs } }
  if (known.state === `Complete${outcome}`) return { errorCode: errorCodes.NONE }
  if (known.state === `Prepare${outcome}`) return { errorCode: errorCodes.CONCURRENT_TRANSACTIONS }
  return { errorCode: errorCodes.INVALID_TXN_STATE }
}

/** All markers are written. */
export function complete(known: Transaction, nowMs: number): Transaction {
  const state = known.state === 'PrepareCommit' ? 'CompleteCommit' : 'CompleteAbort'
  return { ...closed(known, state), startedMs: known.startedMs, changedMs: nowMs }
}

/** Whether a producer may write to a partition, or for a group, as part of its transaction. */
export function verify(
  known: Transaction | undefined,
  producer: Producer,
  isPart: (open: Transaction) => boolean,
): number {
  const fault = producerFault(known, producer)
  if (fault !== errorCodes.NONE || !known) return fault
  if (isEnding(known)) return errorCodes.CONCURRENT_TRANSACTIONS
  const isOpen = known.state === 'Ongoing' && isPart(known)
  return isOpen ? errorCodes.NONE : errorCodes.TRANSACTION_ABORTABLE
}

export function contains(open: Transaction, { topic, partition }: TopicPartition): boolean {
  return open.partitions.some((each) => each.topic === topic && each.partition === partition)
}

function producerFault(known: Transaction | undefined, producer: Producer): number {
  if (!known || known.producerId !== producer.producerId)
    return errorCodes.INVALID_PRODUCER_ID_MAPPING
  return known.producerEpoch === producer.producerEpoch
    ? errorCodes.NONE
    : errorCodes.PRODUCER_FENCED
}

function closed(known: Transaction, state: TransactionState): Transaction {
  return { ...known, state, partitions: [], groups: [], startedMs: -1 }
}
