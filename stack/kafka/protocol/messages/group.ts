// Consumer groups and their offsets.

import { api, neverFlexible } from '../api.ts'
import { between, nullableStruct, since, struct } from '../struct.ts'
import {
  array,
  boolean,
  bytes,
  int16,
  int32,
  int64,
  int8,
  noOperations,
  nullableArray,
  nullableString,
  string,
  uuid,
} from '../types.ts'

export const offsetCommit = api(
  8,
  'OffsetCommit',
  { versions: [2, 9], flexibleFrom: 8 },
  {
    request: struct({
      groupId: string,
      generationId: int32,
      memberId: string,
      groupInstanceId: since(7, nullableString),
      retentionTimeMs: between(2, 4, int64, -1),
      topics: array(
        struct({
          name: string,
          partitions: array(
            struct({
              index: int32,
              offset: int64,
              leaderEpoch: since(6, int32, -1),
              metadata: nullableString,
            }),
          ),
        }),
      ),
    }),
    response: struct({
      throttleTimeMs: since(3, int32),
      topics: array(
        struct({ name: string, partitions: array(struct({ index: int32, errorCode: int16 })) }),
      ),
    }),
  },
)

const fetchedTopics = array(
  struct({
    name: string,
    partitions: array(
      struct({
        index: int32,
        offset: int64,
        leaderEpoch: since(5, int32, -1),
        metadata: nullableString,
        errorCode: int16,
      }),
    ),
  }),
)

export const offsetFetch = api(
  9,
  'OffsetFetch',
  { versions: [1, 9], flexibleFrom: 6 },
  {
    request: struct({
      groupId: between(0, 7, string),
      topics: between(0, 7, nullableArray(struct({ name: string, partitions: array(int32) }))),
      groups: since(
        8,
        array(
          struct({
            groupId: string,
            memberId: since(9, nullableString),
            memberEpoch: since(9, int32, -1),
            topics: nullableArray(struct({ name: string, partitions: array(int32) })),
          }),
        ),
      ),
      requireStable: since(7, boolean),
    }),
    response: struct({
      throttleTimeMs: since(3, int32),
      topics: between(0, 7, fetchedTopics),
      errorCode: between(2, 7, int16),
      groups: since(8, array(struct({ groupId: string, topics: fetchedTopics, errorCode: int16 }))),
    }),
  },
)

export const findCoordinator = api(
  10,
  'FindCoordinator',
  { versions: [0, 6], flexibleFrom: 3 },
  {
    request: struct({
      key: between(0, 3, string),
      keyType: since(1, int8),
      coordinatorKeys: since(4, array(string)),
    }),
    response: struct({
      throttleTimeMs: since(1, int32),
      errorCode: between(0, 3, int16),
      errorMessage: between(1, 3, nullableString),
      nodeId: between(0, 3, int32),
      host: between(0, 3, string),
      port: between(0, 3, int32),
      coordinators: since(
        4,
        array(
          struct({
            key: string,
            nodeId: int32,
            host: string,
            port: int32,
            errorCode: int16,
            errorMessage: nullableString,
          }),
        ),
      ),
    }),
  },
)

export const joinGroup = api(
  11,
  'JoinGroup',
  { versions: [0, 9], flexibleFrom: 6 },
  {
    request: struct({
      groupId: string,
      sessionTimeoutMs: int32,
      rebalanceTimeoutMs: since(1, int32, -1),
      memberId: string,
      groupInstanceId: since(5, nullableString),
      protocolType: string,
      protocols: array(struct({ name: string, metadata: bytes })),
      reason: since(8, nullableString),
    }),
    response: struct({
      throttleTimeMs: since(2, int32),
      errorCode: int16,
      generationId: int32,
      protocolType: since(7, nullableString),
      // Null only from version 7 on; before, "no protocol" is the empty string.
      protocolName: nullableString,
      leader: string,
      skipAssignment: since(9, boolean),
      memberId: string,
      members: array(
        struct({ memberId: string, groupInstanceId: since(5, nullableString), metadata: bytes }),
      ),
    }),
  },
)

export const heartbeat = api(
  12,
  'Heartbeat',
  { versions: [0, 4], flexibleFrom: 4 },
  {
    request: struct({
      groupId: string,
      generationId: int32,
      memberId: string,
      groupInstanceId: since(3, nullableString),
    }),
    response: struct({ throttleTimeMs: since(1, int32), errorCode: int16 }),
  },
)

export const leaveGroup = api(
  13,
  'LeaveGroup',
  { versions: [0, 5], flexibleFrom: 4 },
  {
    request: struct({
      groupId: string,
      memberId: between(0, 2, string),
      members: since(
        3,
        array(
          struct({
            memberId: string,
            groupInstanceId: nullableString,
            reason: since(5, nullableString),
          }),
        ),
      ),
    }),
    response: struct({
      throttleTimeMs: since(1, int32),
      errorCode: int16,
      members: since(
        3,
        array(struct({ memberId: string, groupInstanceId: nullableString, errorCode: int16 })),
      ),
    }),
  },
)

export const syncGroup = api(
  14,
  'SyncGroup',
  { versions: [0, 5], flexibleFrom: 4 },
  {
    request: struct({
      groupId: string,
      generationId: int32,
      memberId: string,
      groupInstanceId: since(3, nullableString),
      protocolType: since(5, nullableString),
      protocolName: since(5, nullableString),
      assignments: array(struct({ memberId: string, assignment: bytes })),
    }),
    response: struct({
      throttleTimeMs: since(1, int32),
      errorCode: int16,
      protocolType: since(5, nullableString),
      protocolName: since(5, nullableString),
      assignment: bytes,
    }),
  },
)

export const describeGroups = api(
  15,
  'DescribeGroups',
  { versions: [0, 6], flexibleFrom: 5 },
  {
    request: struct({ groups: array(string), includeAuthorizedOperations: since(3, boolean) }),
    response: struct({
      throttleTimeMs: since(1, int32),
      groups: array(
        struct({
          errorCode: int16,
          errorMessage: since(6, nullableString),
          groupId: string,
          state: string,
          protocolType: string,
          protocol: string,
          members: array(
            struct({
              memberId: string,
              groupInstanceId: since(4, nullableString),
              clientId: string,
              clientHost: string,
              metadata: bytes,
              assignment: bytes,
            }),
          ),
          authorizedOperations: since(3, int32, noOperations),
        }),
      ),
    }),
  },
)

export const listGroups = api(
  16,
  'ListGroups',
  { versions: [0, 5], flexibleFrom: 3 },
  {
    request: struct({ states: since(4, array(string)), types: since(5, array(string)) }),
    response: struct({
      throttleTimeMs: since(1, int32),
      errorCode: int16,
      groups: array(
        struct({
          groupId: string,
          protocolType: string,
          state: since(4, string),
          type: since(5, string),
        }),
      ),
    }),
  },
)

export const deleteGroups = api(
  42,
  'DeleteGroups',
  { versions: [0, 2], flexibleFrom: 2 },
  {
    request: struct({ groups: array(string) }),
    response: struct({
      throttleTimeMs: int32,
      results: array(struct({ groupId: string, errorCode: int16 })),
    }),
  },
)

export const offsetDelete = api(
  47,
  'OffsetDelete',
  { versions: [0, 0], flexibleFrom: neverFlexible },
  {
    request: struct({
      groupId: string,
      topics: array(struct({ name: string, partitions: array(struct({ index: int32 })) })),
    }),
    response: struct({
      errorCode: int16,
      throttleTimeMs: int32,
      topics: array(
        struct({ name: string, partitions: array(struct({ index: int32, errorCode: int16 })) }),
      ),
    }),
  },
)

const idPartitions = struct({ topicId: uuid, partitions: array(int32) })

/** KIP-848. */
export const consumerGroupHeartbeat = api(
  68,
  'ConsumerGroupHeartbeat',
  { versions: [0, 1], flexibleFrom: 0 },
  {
    request: struct({
      groupId: string,
      memberId: string,
      memberEpoch: int32,
      instanceId: nullableString,
      rackId: nullableString,
      rebalanceTimeoutMs: int32,
      subscribedTopicNames: nullableArray(string),
      subscribedTopicRegex: since(1, nullableString),
      serverAssignor: nullableString,
      topicPartitions: nullableArray(idPartitions),
    }),
    response: struct({
      throttleTimeMs: int32,
      errorCode: int16,
      errorMessage: nullableString,
      memberId: nullableString,
      memberEpoch: int32,
      heartbeatIntervalMs: int32,
      assignment: nullableStruct(struct({ topicPartitions: array(idPartitions) })),
    }),
  },
)

const namedAssignment = struct({
  topicPartitions: array(struct({ topicId: uuid, topicName: string, partitions: array(int32) })),
})

/** KIP-848. */
export const consumerGroupDescribe = api(
  69,
  'ConsumerGroupDescribe',
  { versions: [0, 1], flexibleFrom: 0 },
  {
    request: struct({ groupIds: array(string), includeAuthorizedOperations: boolean }),
    response: struct({
      throttleTimeMs: int32,
      groups: array(
        struct({
          errorCode: int16,
          errorMessage: nullableString,
          groupId: string,
          groupState: string,
          groupEpoch: int32,
          assignmentEpoch: int32,
          assignorName: string,
          members: array(
            struct({
              memberId: string,
              instanceId: nullableString,
              rackId: nullableString,
              memberEpoch: int32,
              clientId: string,
              clientHost: string,
              subscribedTopicNames: array(string),
              subscribedTopicRegex: nullableString,
              assignment: namedAssignment,
              targetAssignment: namedAssignment,
              memberType: since(1, int8),
            }),
          ),
          authorizedOperations: int32,
        }),
      ),
    }),
  },
)
