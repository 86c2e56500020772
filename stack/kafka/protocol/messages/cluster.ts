// Who is there and what it can do: Metadata, ApiVersions, DescribeCluster, DescribeTopicPartitions, log directories,
// and the questions about replicas that a single node answers briefly.

import { api } from '../api.ts'
import { between, nullableStruct, since, struct, tagged } from '../struct.ts'
import {
  array,
  boolean,
  int16,
  int32,
  int64,
  int8,
  nullableArray,
  noOperations,
  nullableString,
  string,
  uuid,
} from '../types.ts'

export const metadata = api(
  3,
  'Metadata',
  { versions: [0, 13], flexibleFrom: 9 },
  {
    request: struct({
      topics: nullableArray(struct({ topicId: since(10, uuid), name: nullableString })),
      allowAutoTopicCreation: since(4, boolean, true),
      includeClusterAuthorizedOperations: between(8, 10, boolean),
      includeTopicAuthorizedOperations: since(8, boolean),
    }),
    response: struct({
      throttleTimeMs: since(3, int32),
      brokers: array(
        struct({ nodeId: int32, host: string, port: int32, rack: since(1, nullableString) }),
      ),
      clusterId: since(2, nullableString),
      controllerId: since(1, int32),
      topics: array(
        struct({
          errorCode: int16,
          name: nullableString,
          topicId: since(10, uuid),
          isInternal: since(1, boolean),
          partitions: array(
            struct({
              errorCode: int16,
              index: int32,
              leaderId: int32,
              leaderEpoch: since(7, int32, -1),
              replicas: array(int32),
              inSyncReplicas: array(int32),
              offlineReplicas: since(5, array(int32)),
            }),
          ),
          authorizedOperations: since(8, int32, noOperations),
        }),
      ),
      clusterAuthorizedOperations: between(8, 10, int32, noOperations),
      errorCode: since(13, int16),
    }),
  },
)

export const apiVersions = api(
  18,
  'ApiVersions',
  { versions: [0, 4], flexibleFrom: 3 },
  {
    request: struct({
      clientSoftwareName: since(3, string),
      clientSoftwareVersion: since(3, string),
    }),
    response: struct({
      errorCode: int16,
      apiKeys: array(struct({ apiKey: int16, minVersion: int16, maxVersion: int16 })),
      throttleTimeMs: since(1, int32),
      supportedFeatures: tagged(
        0,
        3,
        array(struct({ name: string, minVersion: int16, maxVersion: int16 })),
      ),
      finalizedFeaturesEpoch: tagged(1, 3, int64),
      finalizedFeatures: tagged(
        2,
        3,
        array(struct({ name: string, maxVersionLevel: int16, minVersionLevel: int16 })),
      ),
    }),
  },
)

export const describeLogDirs = api(
  35,
  'DescribeLogDirs',
  { versions: [1, 4], flexibleFrom: 2 },
  {
    request: struct({
      topics: nullableArray(struct({ name: string, partitions: array(int32) })),
    }),
    response: struct({
      throttleTimeMs: int32,
      errorCode: since(3, int16),
      results: array(
        struct({
          errorCode: int16,
          logDir: string,
          topics: array(
            struct({
              name: string,
              partitions: array(
                struct({ index: int32, sizeBytes: int64, offsetLag: int64, isFutureKey: boolean }),
              ),
            }),
          ),
          totalBytes: since(4, int64, -1),
          usableBytes: since(4, int64, -1),
        }),
      ),
    }),
  },
)

export const electLeaders = api(
  43,
  'ElectLeaders',
  { versions: [0, 2], flexibleFrom: 2 },
  {
    request: struct({
      electionType: since(1, int8),
      topics: nullableArray(struct({ name: string, partitions: array(int32) })),
      timeoutMs: int32,
    }),
    response: struct({
      throttleTimeMs: int32,
      errorCode: since(1, int16),
      results: array(
        struct({
          name: string,
          partitions: array(
            struct({ index: int32, errorCode: int16, errorMessage: nullableString }),
          ),
        }),
      ),
    }),
  },
)

export const alterPartitionReassignments = api(
  45,
  'AlterPartitionReassignments',
  { versions: [0, 0], flexibleFrom: 0 },
  {
    request: struct({
      timeoutMs: int32,
      topics: array(
        struct({
          name: string,
          partitions: array(struct({ index: int32, replicas: nullableArray(int32) })),
        }),
      ),
    }),
    response: struct({
      throttleTimeMs: int32,
      errorCode: int16,
      errorMessage: nullableString,
      responses: array(
        struct({
          name: string,
          partitions: array(
            struct({ index: int32, errorCode: int16, errorMessage: nullableString }),
          ),
        }),
      ),
    }),
  },
)

export const listPartitionReassignments = api(
  46,
  'ListPartitionReassignments',
  { versions: [0, 0], flexibleFrom: 0 },
  {
    request: struct({
      timeoutMs: int32,
      topics: nullableArray(struct({ name: string, partitions: array(int32) })),
    }),
    response: struct({
      throttleTimeMs: int32,
      errorCode: int16,
      errorMessage: nullableString,
      topics: array(
        struct({
          name: string,
          partitions: array(
            struct({
              index: int32,
              replicas: array(int32),
              addingReplicas: array(int32),
              removingReplicas: array(int32),
            }),
          ),
        }),
      ),
    }),
  },
)

export const describeCluster = api(
  60,
  'DescribeCluster',
  { versions: [0, 2], flexibleFrom: 0 },
  {
    request: struct({
      includeAuthorizedOperations: boolean,
      endpointType: since(1, int8, 1),
      includeFencedBrokers: since(2, boolean),
    }),
    response: struct({
      throttleTimeMs: int32,
      errorCode: int16,
      errorMessage: nullableString,
      endpointType: since(1, int8, 1),
      clusterId: string,
      controllerId: int32,
      brokers: array(
        struct({
          nodeId: int32,
          host: string,
          port: int32,
          rack: nullableString,
          isFenced: since(2, boolean),
        }),
      ),
      authorizedOperations: int32,
    }),
  },
)

const cursor = nullableStruct(struct({ topicName: string, partitionIndex: int32 }))

export const describeTopicPartitions = api(
  75,
  'DescribeTopicPartitions',
  { versions: [0, 0], flexibleFrom: 0 },
  {
    request: struct({
      topics: array(struct({ name: string })),
      partitionLimit: int32,
      cursor,
    }),
    response: struct({
      throttleTimeMs: int32,
      topics: array(
        struct({
          errorCode: int16,
          name: nullableString,
          topicId: uuid,
          isInternal: boolean,
          partitions: array(
            struct({
              errorCode: int16,
              index: int32,
              leaderId: int32,
              leaderEpoch: int32,
              replicas: array(int32),
              inSyncReplicas: array(int32),
              eligibleLeaderReplicas: nullableArray(int32),
              lastKnownEligibleReplicas: nullableArray(int32),
              offlineReplicas: array(int32),
            }),
          ),
          authorizedOperations: int32,
        }),
      ),
      nextCursor: cursor,
    }),
  },
)
