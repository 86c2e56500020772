// As whom the broker may answer (`--as`): what other brokers advertise of the APIs that are served here. Nobody can
// be asked for more than is served, so a persona is what both have (versions.ts).
//
// kafka-3.9      apache/kafka, clients/src/main/resources/common/message/*Request.json at tag 3.9.0-rc3. Groups of KIP-848
//                are a preview there that somebody has to switch on.
// kafka-4.3      the same files as kafka-clients-4.3.1.jar holds them, without versions that are marked unstable.
//                Produce is advertised from 0 all the same (KAFKA-18659). personas.test.ts asks Apache Kafka 4.3.1.
// redpanda-26.1  redpanda-data/redpanda, src/v/kafka/server/handlers/*.h in the newest snapshot that could be had,
//                1c6cff34 of 2024-12-20, and the pull requests since, as they were merged before 26.1: 25919
//                (DescribeCluster), 25959 and 26968 (Metadata 11, 12), 26968 (Fetch 12, 13, CreateTopics 7), 27293
//                (DeleteTopics 6), 27391 (FindCoordinator 4), 27794 (OffsetFetch 8). Number 30485 of May 2026 raises
//                Metadata from 12 and 31246 of July 2026 Produce from 7, both after it. Nobody asked a Redpanda.

import { UsageError } from '../base/errors.ts'

export const personaNames = ['kafka-3.9', 'kafka-4.3', 'redpanda-26.1'] as const

export type PersonaName = (typeof personaNames)[number]

/** Lowest and highest version; "none" where the broker does not have the API. */
const table = `
  API                         kafka-3.9  kafka-4.3  redpanda-26.1
  Produce                     0-11       0-13       0-7
  Fetch                       0-17       4-18       4-13
  ListOffsets                 0-9        1-11       0-4
  Metadata                    0-12       0-13       0-12
  OffsetCommit                0-9        2-10       1-8
  OffsetFetch                 0-9        1-10       1-8
  FindCoordinator             0-6        0-6        0-4
  JoinGroup                   0-9        0-9        0-6
  Heartbeat                   0-4        0-4        0-4
  LeaveGroup                  0-5        0-5        0-4
  SyncGroup                   0-5        0-5        0-4
  DescribeGroups              0-5        0-6        0-5
  ListGroups                  0-5        0-5        0-4
  SaslHandshake               0-1        0-1        0-1
  ApiVersions                 0-4        0-4        0-3
  CreateTopics                0-7        2-7        0-7
  DeleteTopics                0-6        1-6        0-6
  DeleteRecords               0-2        0-2        0-2
  InitProducerId              0-5        0-5        0-3
  OffsetForLeaderEpoch        0-4        2-4        0-4
  AddPartitionsToTxn          0-5        0-5        0-3
  AddOffsetsToTxn             0-4        0-4        0-1
  EndTxn                      0-4        0-5        0-3
  WriteTxnMarkers             0-1        1-2        none
  TxnOffsetCommit             0-4        0-5        0-3
  DescribeConfigs             0-4        1-4        0-4
  AlterConfigs                0-2        0-2        0-2
  DescribeLogDirs             0-4        1-5        0-2
  SaslAuthenticate            0-2        0-2        0-2
  CreatePartitions            0-3        0-3        0-3
  DeleteGroups                0-2        0-2        0-2
  ElectLeaders                0-2        0-2        none
  IncrementalAlterConfigs     0-1        0-1        0-1
  AlterPartitionReassignments 0          0-1        0
  ListPartitionReassignments  0          0          0
  OffsetDelete                0          0          0
  DescribeCluster             0-1        0-2        0
  ConsumerGroupHeartbeat      none       0-1        none
  ConsumerGroupDescribe       none       0-1        none
  DescribeProducers           0          0          0
  DescribeTransactions        0          0          0
  ListTransactions            0-1        0-2        0
  DescribeTopicPartitions     0          0          none
`
const none = 'none'

const rangesByApi = new Map(
  table
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/ +/))
    .map(([api = '', ...ranges]) => [api, ranges]),
)

export function personaOf(name: string): PersonaName {
  const known = personaNames.find((each) => each === name)
  if (known !== undefined) return known
  throw new UsageError(`the broker cannot answer as "${name}"`, {
    where: '--as',
    hint: `use one of ${personaNames.join(', ')}`,
  })
}

/** Undefined where the other broker does not have the API. */
export function advertisedBy(
  persona: PersonaName,
  api: string,
): { lowest: number; highest: number } | undefined {
  const text = rangesByApi.get(api)?.[personaNames.indexOf(persona)] ?? none
  if (text === none) return undefined
  const [lowest = 0, highest = lowest] = text.split('-').map(Number)
  return { lowest, highest }
}
