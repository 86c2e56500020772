// Produce, Fetch, ListOffsets, InitProducerId, OffsetForLeaderEpoch, DeleteRecords: what moves records.

import { api } from '../api.ts'
import { between, since, struct, tagged } from '../struct.ts'
import {
  array,
  int16,
  int32,
  int64,
  int8,
  nullableArray,
  nullableBytes,
  nullableString,
  recordSlices,
  string,
  uuid,
} from '../types.ts'

export const produce = api(
  0,
  'Produce',
  { versions: [3, 11], flexibleFrom: 9, advertisedFrom: 0 },
  {
    request: struct({
      transactionalId: nullableString,
      acks: int16,
      timeoutMs: int32,
      topics: array(
        struct({
          name: string,
          partitions: array(struct({ index: int32, records: nullableBytes })),
        }),
      ),
    }),
    response: struct({
      responses: array(
        struct({
          name: string,
          partitions: array(
            struct({
              index: int32,
              errorCode: int16,
              baseOffset: int64,
              logAppendTimeMs: since(2, int64, -1),
              logStartOffset: since(5, int64, -1),
              recordErrors: since(8, array(struct({ batchIndex: int32, message: nullableString }))),
              errorMessage: since(8, nullableString),
            }),
          ),
        }),
      ),
      throttleTimeMs: since(1, int32),
    }),
  },
)

export const fetch = api(
  1,
  'Fetch',
  { versions: [4, 17], flexibleFrom: 12 },
  {
    request: struct({
      replicaId: between(0, 14, int32, -1),
      maxWaitMs: int32,
      minBytes: int32,
      maxBytes: int32,
      isolationLevel: int8,
      sessionId: since(7, int32),
      sessionEpoch: since(7, int32, -1),
      topics: array(
        struct({
          name: between(0, 12, string),
          topicId: since(13, uuid),
          partitions: array(
            struct({
              index: int32,
              currentLeaderEpoch: since(9, int32, -1),
              fetchOffset: int64,
              lastFetchedEpoch: since(12, int32, -1),
              logStartOffset: since(5, int64, -1),
              maxBytes: int32,
            }),
          ),
        }),
      ),
      forgottenTopics: since(
        7,
        array(
          struct({
            name: between(7, 12, string),
            topicId: since(13, uuid),
            partitions: array(int32),
          }),
        ),
      ),
      rackId: since(11, string),
    }),
    response: struct({
      throttleTimeMs: int32,
      errorCode: since(7, int16),
      sessionId: since(7, int32),
      responses: array(
        struct({
          name: between(0, 12, string),
          topicId: since(13, uuid),
          partitions: array(
            struct({
              index: int32,
              errorCode: int16,
              highWatermark: int64,
              lastStableOffset: int64,
              logStartOffset: since(5, int64),
              divergingEpoch: tagged(0, 12, struct({ epoch: int32, endOffset: int64 })),
              abortedTransactions: nullableArray(struct({ producerId: int64, firstOffset: int64 })),
              preferredReadReplica: since(11, int32, -1),
              records: recordSlices,
            }),
          ),
        }),
      ),
    }),
  },
)

export const listOffsets = api(
  2,
  'ListOffsets',
  { versions: [1, 10], flexibleFrom: 6 },
  {
    request: struct({
      replicaId: int32,
      isolationLevel: since(2, int8),
      topics: array(
        struct({
          name: string,
          partitions: array(
            struct({ index: int32, currentLeaderEpoch: since(4, int32, -1), timestampMs: int64 }),
          ),
        }),
      ),
      timeoutMs: since(10, int32),
    }),
    response: struct({
      throttleTimeMs: since(2, int32),
      topics: array(
        struct({
          name: string,
          partitions: array(
            struct({
              index: int32,
              errorCode: int16,
              timestampMs: int64,
              offset: int64,
              leaderEpoch: since(4, int32, -1),
            }),
          ),
        }),
      ),
    }),
  },
)

export const deleteRecords = api(
  21,
  'DeleteRecords',
  { versions: [0, 2], flexibleFrom: 2 },
  {
    request: struct({
      topics: array(
        struct({ name: string, partitions: array(struct({ index: int32, offset: int64 })) }),
      ),
      timeoutMs: int32,
    }),
    response: struct({
      throttleTimeMs: int32,
      topics: array(
        struct({
          name: string,
          partitions: array(struct({ index: int32, lowWatermark: int64, errorCode: int16 })),
        }),
      ),
    }),
  },
)

export const initProducerId = api(
  22,
  'InitProducerId',
  { versions: [0, 5], flexibleFrom: 2 },
  {
    request: struct({
      transactionalId: nullableString,
      transactionTimeoutMs: int32,
      producerId: since(3, int64, -1),
      producerEpoch: since(3, int16, -1),
    }),
    response: struct({
      throttleTimeMs: int32,
      errorCode: int16,
      producerId: int64,
      producerEpoch: int16,
    }),
  },
)

export const offsetForLeaderEpoch = api(
  23,
  'OffsetForLeaderEpoch',
  { versions: [2, 4], flexibleFrom: 4 },
  {
    request: struct({
      replicaId: since(3, int32, -2),
      topics: array(
        struct({
          name: string,
          partitions: array(
            struct({ index: int32, currentLeaderEpoch: int32, leaderEpoch: int32 }),
          ),
        }),
      ),
    }),
    response: struct({
      throttleTimeMs: int32,
      topics: array(
        struct({
          name: string,
          partitions: array(
            struct({ errorCode: int16, index: int32, leaderEpoch: int32, endOffset: int64 }),
          ),
        }),
      ),
    }),
  },
)
