// One request per API as three parties write it down: our table's field names, the argument object that kafkajs takes and
// the argument list that @platformatic/kafka takes. Every value is different, so that a swapped field shows. For the
// codec tests only.

export interface OracleRequest {
  /** By our field names: all fields of all versions. */
  fields: Record<string, unknown>
  kafkajs?: unknown
  platformatic?: unknown[]
  /** Fields that a client fills in by itself, or does not know; not compared. */
  filledInByKafkajs?: readonly string[]
  filledInByPlatformatic?: readonly string[]
}

const topicId = '00000000-0000-0000-0000-000000001234'
const metadata = Buffer.from('subscription')
const assignment = Buffer.from('assignment')

export const oracleRequests: Readonly<Record<string, OracleRequest>> = {
  Fetch: {
    fields: {
      replicaId: -1,
      maxWaitMs: 11,
      minBytes: 12,
      maxBytes: 13,
      isolationLevel: 1,
      sessionId: 14,
      sessionEpoch: 15,
      topics: [
        {
          name: topicId,
          topicId,
          partitions: [
            {
              index: 16,
              currentLeaderEpoch: 17,
              fetchOffset: 2 ** 40 + 18,
              lastFetchedEpoch: 19,
              logStartOffset: -1,
              maxBytes: 20,
            },
          ],
        },
      ],
      forgottenTopics: [{ name: topicId, topicId, partitions: [21] }],
      rackId: 'rack',
    },
    kafkajs: {
      maxWaitTime: 11,
      minBytes: 12,
      maxBytes: 13,
      isolationLevel: 1,
      sessionId: 14,
      sessionEpoch: 15,
      topics: [
        {
          topic: topicId,
          partitions: [
            { partition: 16, currentLeaderEpoch: 17, fetchOffset: 2 ** 40 + 18, maxBytes: 20 },
          ],
        },
      ],
      forgottenTopics: [{ topic: topicId, partitions: [21] }],
      rackId: 'rack',
    },
    platformatic: [
      11,
      12,
      13,
      1,
      14,
      15,
      [
        {
          topicId,
          partitions: [
            {
              partition: 16,
              currentLeaderEpoch: 17,
              fetchOffset: 2n ** 40n + 18n,
              lastFetchedEpoch: 19,
              partitionMaxBytes: 20,
            },
          ],
        },
      ],
      [{ topicId, partitions: [21] }],
      'rack',
    ],
  },
  ListOffsets: {
    fields: {
      replicaId: -1,
      isolationLevel: 1,
      topics: [
        {
          name: 't',
          partitions: [{ index: 11, currentLeaderEpoch: 12, timestampMs: 2 ** 41 + 13 }],
        },
      ],
      timeoutMs: 14,
    },
    kafkajs: {
      isolationLevel: 1,
      topics: [{ topic: 't', partitions: [{ partition: 11, timestamp: 2 ** 41 + 13 }] }],
    },
    platformatic: [
      -1,
      1,
      [
        {
          name: 't',
          partitions: [{ partitionIndex: 11, currentLeaderEpoch: 12, timestamp: 2n ** 41n + 13n }],
        },
      ],
    ],
  },
  Metadata: {
    fields: {
      topics: [{ name: 't' }],
      allowAutoTopicCreation: true,
      includeClusterAuthorizedOperations: false,
      includeTopicAuthorizedOperations: true,
    },
    kafkajs: { topics: ['t'], allowAutoTopicCreation: true },
    platformatic: [['t'], true, true, false],
  },
  OffsetCommit: {
    fields: {
      groupId: 'g',
      generationId: 11,
      memberId: 'm',
      groupInstanceId: 'i',
      retentionTimeMs: 12,
      topics: [
        { name: 't', partitions: [{ index: 13, offset: 14, leaderEpoch: 15, metadata: 'note' }] },
      ],
    },
    kafkajs: {
      groupId: 'g',
      groupGenerationId: 11,
      memberId: 'm',
      retentionTime: 12,
      topics: [{ topic: 't', partitions: [{ partition: 13, offset: 14, metadata: 'note' }] }],
    },
    platformatic: [
      'g',
      11,
      'm',
      'i',
      [
        {
          name: 't',
          partitions: [
            {
              partitionIndex: 13,
              committedOffset: 14n,
              committedLeaderEpoch: 15,
              committedMetadata: 'note',
            },
          ],
        },
      ],
    ],
    filledInByPlatformatic: ['retentionTimeMs'],
  },
  OffsetFetch: {
    fields: {
      groupId: 'g',
      topics: [{ name: 't', partitions: [11, 12] }],
      groups: [
        {
          groupId: 'g',
          memberId: 'm',
          memberEpoch: 13,
          topics: [{ name: 't', partitions: [11, 12] }],
        },
      ],
      requireStable: true,
    },
    kafkajs: {
      groupId: 'g',
      topics: [{ topic: 't', partitions: [{ partition: 11 }, { partition: 12 }] }],
    },
    platformatic: [
      [
        {
          groupId: 'g',
          memberId: 'm',
          memberEpoch: 13,
          topics: [{ name: 't', partitionIndexes: [11, 12] }],
        },
      ],
      true,
    ],
  },
  FindCoordinator: {
    fields: { key: 'g', keyType: 1, coordinatorKeys: ['g'] },
    kafkajs: { groupId: 'g', coordinatorType: 1 },
    platformatic: [1, ['g']],
  },
  JoinGroup: {
    fields: {
      groupId: 'g',
      sessionTimeoutMs: 11,
      rebalanceTimeoutMs: 12,
      memberId: 'm',
      groupInstanceId: 'i',
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata }],
      reason: 'because',
    },
    kafkajs: {
      groupId: 'g',
      sessionTimeout: 11,
      rebalanceTimeout: 12,
      memberId: 'm',
      groupInstanceId: 'i',
      protocolType: 'consumer',
      groupProtocols: [{ name: 'range', metadata }],
    },
    platformatic: ['g', 11, 12, 'm', 'i', 'consumer', [{ name: 'range', metadata }], 'because'],
  },
  Heartbeat: {
    fields: { groupId: 'g', generationId: 11, memberId: 'm', groupInstanceId: 'i' },
    kafkajs: { groupId: 'g', groupGenerationId: 11, memberId: 'm', groupInstanceId: 'i' },
    platformatic: ['g', 11, 'm', 'i'],
  },
  LeaveGroup: {
    fields: {
      groupId: 'g',
      memberId: 'm',
      members: [{ memberId: 'm', groupInstanceId: 'i', reason: 'because' }],
    },
    kafkajs: { groupId: 'g', memberId: 'm', groupInstanceId: 'i' },
    platformatic: ['g', [{ memberId: 'm', groupInstanceId: 'i', reason: 'because' }]],
    filledInByKafkajs: ['members'],
  },
  SyncGroup: {
    fields: {
      groupId: 'g',
      generationId: 11,
      memberId: 'm',
      groupInstanceId: 'i',
      protocolType: 'consumer',
      protocolName: 'range',
      assignments: [{ memberId: 'n', assignment }],
    },
    kafkajs: {
      groupId: 'g',
      generationId: 11,
      memberId: 'm',
      groupInstanceId: 'i',
      groupAssignment: [{ memberId: 'n', memberAssignment: assignment }],
    },
    platformatic: ['g', 11, 'm', 'i', 'consumer', 'range', [{ memberId: 'n', assignment }]],
  },
  DescribeGroups: {
    fields: { groups: ['g', 'h'], includeAuthorizedOperations: true },
    kafkajs: { groupIds: ['g', 'h'] },
    platformatic: [['g', 'h'], true],
  },
  ListGroups: {
    fields: { states: ['Stable'], types: ['Classic'] },
    kafkajs: {},
    platformatic: [['STABLE'], ['classic']],
    filledInByPlatformatic: ['states', 'types'],
  },
  ApiVersions: {
    fields: { clientSoftwareName: 'slipway', clientSoftwareVersion: '1.0' },
    kafkajs: {},
    platformatic: ['slipway', '1.0'],
  },
  CreateTopics: {
    fields: {
      topics: [
        {
          name: 't',
          partitionCount: 11,
          replicationFactor: 12,
          assignments: [{ index: 13, brokerIds: [14, 15] }],
          configs: [{ name: 'cleanup.policy', value: 'compact' }],
        },
      ],
      timeoutMs: 16,
      validateOnly: true,
    },
    kafkajs: {
      topics: [
        {
          topic: 't',
          numPartitions: 11,
          replicationFactor: 12,
          replicaAssignment: [{ partition: 13, replicas: [14, 15] }],
          configEntries: [{ name: 'cleanup.policy', value: 'compact' }],
        },
      ],
      timeout: 16,
      validateOnly: true,
    },
    platformatic: [
      [
        {
          name: 't',
          numPartitions: 11,
          replicationFactor: 12,
          assignments: [{ partitionIndex: 13, brokerIds: [14, 15] }],
          configs: [{ name: 'cleanup.policy', value: 'compact' }],
        },
      ],
      16,
      true,
    ],
  },
  DeleteTopics: {
    fields: { topics: [{ name: 't', topicId }], names: ['t'], timeoutMs: 11 },
    kafkajs: { topics: ['t'], timeout: 11 },
    platformatic: [[{ name: 't', topicId }], 11],
  },
  DeleteRecords: {
    fields: { topics: [{ name: 't', partitions: [{ index: 11, offset: 12 }] }], timeoutMs: 13 },
    kafkajs: { topics: [{ topic: 't', partitions: [{ partition: 11, offset: 12 }] }], timeout: 13 },
    platformatic: [[{ name: 't', partitions: [{ partitionIndex: 11, offset: 12n }] }], 13],
  },
  InitProducerId: {
    fields: { transactionalId: 'x', transactionTimeoutMs: 11, producerId: 12, producerEpoch: 13 },
    kafkajs: { transactionalId: 'x', transactionTimeout: 11 },
    platformatic: ['x', 11, 12n, 13],
  },
  OffsetForLeaderEpoch: {
    fields: {
      replicaId: -1,
      topics: [{ name: 't', partitions: [{ index: 11, currentLeaderEpoch: 12, leaderEpoch: 13 }] }],
    },
    platformatic: [
      -1,
      [
        {
          name: 't',
          partitions: [{ partitionIndex: 11, currentLeaderEpoch: 12, leaderEpoch: 13 }],
        },
      ],
    ],
  },
  SaslHandshake: {
    fields: { mechanism: 'PLAIN' },
    kafkajs: { mechanism: 'PLAIN' },
    platformatic: ['PLAIN'],
  },
  AddPartitionsToTxn: {
    fields: {
      transactionalId: 'x',
      producerId: 11,
      producerEpoch: 12,
      topics: [{ name: 't', partitions: [13, 14] }],
    },
    kafkajs: {
      transactionalId: 'x',
      producerId: 11,
      producerEpoch: 12,
      topics: [{ topic: 't', partitions: [13, 14] }],
    },
    platformatic: [
      [
        {
          transactionalId: 'x',
          producerId: 11n,
          producerEpoch: 12,
          topics: [{ name: 't', partitions: [13, 14] }],
        },
      ],
    ],
  },
  AddOffsetsToTxn: {
    fields: { transactionalId: 'x', producerId: 11, producerEpoch: 12, groupId: 'g' },
    kafkajs: { transactionalId: 'x', producerId: 11, producerEpoch: 12, groupId: 'g' },
    platformatic: ['x', 11n, 12, 'g'],
  },
  EndTxn: {
    fields: { transactionalId: 'x', producerId: 11, producerEpoch: 12, commits: true },
    kafkajs: { transactionalId: 'x', producerId: 11, producerEpoch: 12, transactionResult: true },
    platformatic: ['x', 11n, 12, true],
  },
  TxnOffsetCommit: {
    fields: {
      transactionalId: 'x',
      groupId: 'g',
      producerId: 11,
      producerEpoch: 12,
      generationId: 13,
      memberId: 'm',
      groupInstanceId: 'i',
      topics: [
        { name: 't', partitions: [{ index: 14, offset: 15, leaderEpoch: 16, metadata: 'note' }] },
      ],
    },
    kafkajs: {
      transactionalId: 'x',
      groupId: 'g',
      producerId: 11,
      producerEpoch: 12,
      topics: [{ topic: 't', partitions: [{ partition: 14, offset: 15, metadata: 'note' }] }],
    },
    platformatic: [
      'x',
      'g',
      11n,
      12,
      13,
      'm',
      'i',
      [
        {
          name: 't',
          partitions: [
            {
              partitionIndex: 14,
              committedOffset: 15n,
              committedLeaderEpoch: 16,
              committedMetadata: 'note',
            },
          ],
        },
      ],
    ],
    filledInByKafkajs: ['leaderEpoch'],
  },
  DescribeProducers: {
    fields: { topics: [{ name: 't', partitions: [11, 12] }] },
    platformatic: [[{ name: 't', partitionIndexes: [11, 12] }]],
  },
  DescribeTransactions: {
    fields: { transactionalIds: ['x', 'y'] },
    platformatic: [['x', 'y']],
  },
  DescribeConfigs: {
    fields: {
      resources: [{ type: 2, name: 't', keys: ['retention.ms'] }],
      includeSynonyms: true,
      includeDocumentation: true,
    },
    kafkajs: {
      resources: [{ type: 2, name: 't', configNames: ['retention.ms'] }],
      includeSynonyms: true,
    },
    platformatic: [
      [{ resourceType: 2, resourceName: 't', configurationKeys: ['retention.ms'] }],
      true,
      true,
    ],
  },
  AlterConfigs: {
    fields: {
      resources: [{ type: 2, name: 't', configs: [{ name: 'retention.ms', value: '11' }] }],
      validateOnly: true,
    },
    kafkajs: {
      resources: [{ type: 2, name: 't', configEntries: [{ name: 'retention.ms', value: '11' }] }],
      validateOnly: true,
    },
    platformatic: [
      [{ resourceType: 2, resourceName: 't', configs: [{ name: 'retention.ms', value: '11' }] }],
      true,
    ],
  },
  DescribeLogDirs: {
    fields: { topics: [{ name: 't', partitions: [11, 12] }] },
    platformatic: [[{ name: 't', partitions: [11, 12] }]],
  },
  CreatePartitions: {
    fields: {
      topics: [{ name: 't', count: 11, assignments: [{ brokerIds: [12] }] }],
      timeoutMs: 13,
      validateOnly: true,
    },
    kafkajs: {
      topicPartitions: [{ topic: 't', count: 11, assignments: [[12]] }],
      timeout: 13,
      validateOnly: true,
    },
    platformatic: [[{ name: 't', count: 11, assignments: [{ brokerIds: [12] }] }], 13, true],
  },
  DeleteGroups: {
    fields: { groups: ['g', 'h'] },
    kafkajs: ['g', 'h'],
    platformatic: [['g', 'h']],
  },
  IncrementalAlterConfigs: {
    fields: {
      resources: [
        { type: 2, name: 't', configs: [{ name: 'retention.ms', operation: 1, value: '11' }] },
      ],
      validateOnly: true,
    },
    platformatic: [
      [
        {
          resourceType: 2,
          resourceName: 't',
          configs: [{ name: 'retention.ms', configOperation: 1, value: '11' }],
        },
      ],
      true,
    ],
  },
  AlterPartitionReassignments: {
    fields: { timeoutMs: 11, topics: [{ name: 't', partitions: [{ index: 12, replicas: [13] }] }] },
    kafkajs: {
      timeout: 11,
      topics: [{ topic: 't', partitionAssignment: [{ partition: 12, replicas: [13] }] }],
    },
    platformatic: [11, true, [{ name: 't', partitions: [{ partitionIndex: 12, replicas: [13] }] }]],
  },
  ListPartitionReassignments: {
    fields: { timeoutMs: 11, topics: [{ name: 't', partitions: [12] }] },
    kafkajs: { timeout: 11, topics: [{ topic: 't', partitions: [12] }] },
    platformatic: [11, [{ name: 't', partitionIndexes: [12] }]],
  },
  OffsetDelete: {
    fields: { groupId: 'g', topics: [{ name: 't', partitions: [{ index: 11 }] }] },
    platformatic: ['g', [{ name: 't', partitions: [{ partitionIndex: 11 }] }]],
  },
  DescribeCluster: {
    fields: { includeAuthorizedOperations: true, endpointType: 2 },
    platformatic: [true, 2],
  },
  DescribeTopicPartitions: {
    fields: {
      topics: [{ name: 't' }],
      partitionLimit: 11,
      cursor: { topicName: 'u', partitionIndex: 12 },
    },
    platformatic: [[{ name: 't' }], 11, { topicName: 'u', partitionIndex: 12 }],
  },
}
