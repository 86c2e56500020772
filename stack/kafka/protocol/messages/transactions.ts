// Transactions: what a producer asks of the coordinator, and what tools ask about them.

import { api } from '../api.ts'
import { since, struct } from '../struct.ts'
import { array, boolean, int16, int32, int64, nullableString, string } from '../types.ts'

const topicPartitions = array(struct({ name: string, partitions: array(int32) }))
const partitionCodes = array(
  struct({ name: string, partitions: array(struct({ index: int32, errorCode: int16 })) }),
)

export const addPartitionsToTxn = api(
  24,
  'AddPartitionsToTxn',
  { versions: [0, 3], flexibleFrom: 3 },
  {
    request: struct({
      transactionalId: string,
      producerId: int64,
      producerEpoch: int16,
      topics: topicPartitions,
    }),
    response: struct({ throttleTimeMs: int32, results: partitionCodes }),
  },
)

export const addOffsetsToTxn = api(
  25,
  'AddOffsetsToTxn',
  { versions: [0, 4], flexibleFrom: 3 },
  {
    request: struct({
      transactionalId: string,
      producerId: int64,
      producerEpoch: int16,
      groupId: string,
    }),
    response: struct({ throttleTimeMs: int32, errorCode: int16 }),
  },
)

export const endTxn = api(
  26,
  'EndTxn',
  { versions: [0, 4], flexibleFrom: 3 },
  {
    request: struct({
      transactionalId: string,
      producerId: int64,
      producerEpoch: int16,
      commits: boolean,
    }),
    response: struct({ throttleTimeMs: int32, errorCode: int16 }),
  },
)

export const writeTxnMarkers = api(
  27,
  'WriteTxnMarkers',
  { versions: [1, 1], flexibleFrom: 1 },
  {
    request: struct({
      markers: array(
        struct({
          producerId: int64,
          producerEpoch: int16,
          commits: boolean,
          topics: topicPartitions,
          coordinatorEpoch: int32,
        }),
      ),
    }),
    response: struct({ markers: array(struct({ producerId: int64, topics: partitionCodes })) }),
  },
)

export const txnOffsetCommit = api(
  28,
  'TxnOffsetCommit',
  { versions: [0, 4], flexibleFrom: 3 },
  {
    request: struct({
      transactionalId: string,
      groupId: string,
      producerId: int64,
      producerEpoch: int16,
      generationId: since(3, int32, -1),
      memberId: since(3, string),
      groupInstanceId: since(3, nullableString),
      topics: array(
        struct({
          name: string,
          partitions: array(
            struct({
              index: int32,
              offset: int64,
              leaderEpoch: since(2, int32, -1),
              metadata: nullableString,
            }),
          ),
        }),
      ),
    }),
    response: struct({ throttleTimeMs: int32, topics: partitionCodes }),
  },
)

export const describeProducers = api(
  61,
  'DescribeProducers',
  { versions: [0, 0], flexibleFrom: 0 },
  {
    request: struct({ topics: topicPartitions }),
    response: struct({
      throttleTimeMs: int32,
      topics: array(
        struct({
          name: string,
          partitions: array(
            struct({
              index: int32,
              errorCode: int16,
              errorMessage: nullableString,
              activeProducers: array(
                struct({
                  producerId: int64,
                  producerEpoch: int32,
                  lastSequence: int32,
                  lastTimestampMs: int64,
                  coordinatorEpoch: int32,
                  currentTxnStartOffset: int64,
                }),
              ),
            }),
          ),
        }),
      ),
    }),
  },
)

export const describeTransactions = api(
  65,
  'DescribeTransactions',
  { versions: [0, 0], flexibleFrom: 0 },
  {
    request: struct({ transactionalIds: array(string) }),
    response: struct({
      throttleTimeMs: int32,
      transactions: array(
        struct({
          errorCode: int16,
          transactionalId: string,
          state: string,
          timeoutMs: int32,
          startTimeMs: int64,
          producerId: int64,
          producerEpoch: int16,
          topics: topicPartitions,
        }),
      ),
    }),
  },
)

export const listTransactions = api(
  66,
  'ListTransactions',
  { versions: [0, 2], flexibleFrom: 0 },
  {
    request: struct({
      states: array(string),
      producerIds: array(int64),
      durationMs: since(1, int64, -1),
      transactionalIdPattern: since(2, nullableString),
    }),
    response: struct({
      throttleTimeMs: int32,
      errorCode: int16,
      unknownStates: array(string),
      transactions: array(struct({ transactionalId: string, producerId: int64, state: string })),
    }),
  },
)
