// Where we differ from Apache Kafka on purpose, each with the reason; printed by the run.

import { isDeepStrictEqual } from 'node:util'
import { codecMax } from '../protocol/compression.ts'
import type { Difference } from './compare.ts'
import type { Outcome } from './subject.ts'

interface KnownDifference {
  what: string
  why: string
  is(difference: Difference): boolean
}

export const knownDifferences: readonly KnownDifference[] = [
  {
    what: 'where min.insync.replicas comes from',
    why: 'Kafka 4 keeps it for the whole cluster, for its eligible leader replicas; here it is a default',
    is: ({ command }) => command.do === 'describeConfig' && command.name === 'min.insync.replicas',
  },
  {
    what: 'partitions of __consumer_offsets in a transaction',
    why: 'Kafka keeps what groups commit in a topic, which its transactions name; here it is in the journal',
    is: ({ command, ours, theirs }) =>
      command.do === 'describeTransaction' && isDeepStrictEqual(ours, withoutOffsets(theirs)),
  },
  {
    what: 'a codec that there is not',
    why: 'Kafka fails (UNKNOWN_SERVER_ERROR), which tells a client nothing; here it is UNSUPPORTED_COMPRESSION_TYPE',
    is: ({ command, ours, theirs }) =>
      command.do === 'produce' &&
      command.codec > codecMax &&
      errorOf(ours) === 'UNSUPPORTED_COMPRESSION_TYPE' &&
      errorOf(theirs) === 'UNKNOWN_SERVER_ERROR',
  },
  {
    what: 'the largest time in a partition whose records were all deleted',
    why: 'Kafka names a record below the start of the log, which nobody can fetch; here there is none',
    is: ({ command, ours, theirs }) =>
      command.do === 'listOffsets' &&
      command.timestamp === maxTimestamp &&
      offsetOf(ours) === -1 &&
      offsetOf(theirs) >= 0,
  },
]

const maxTimestamp = -3

function errorOf(outcome: Outcome): string {
  return (outcome as { error: string }).error
}

function offsetOf(outcome: Outcome): number {
  return (outcome as { offset: number }).offset
}

function withoutOffsets(outcome: Outcome): Outcome {
  const described = outcome as { partitions: string[] }
  const partitions = described.partitions.filter((each) => !each.startsWith('__consumer_offsets'))
  return { ...described, partitions }
}

export function isKnown(difference: Difference): boolean {
  return knownDifferences.some((each) => each.is(difference))
}
