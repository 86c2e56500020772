// Where we differ from Apache Kafka on purpose, each with the reason; printed by the run.

import { isDeepStrictEqual } from 'node:util'
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
]

function withoutOffsets(outcome: Outcome): Outcome {
  const described = outcome as { partitions: string[] }
  const partitions = described.partitions.filter((each) => !each.startsWith('__consumer_offsets'))
  return { ...described, partitions }
}

export function isKnown(difference: Difference): boolean {
  return knownDifferences.some((each) => each.is(difference))
}
