// Random command sequences, as data: what a client may ask, right and wrong, of a few topics, groups and producers. They
// name things by small numbers; each broker under comparison has names and ids of its own for them.

import type { Random } from '../../base/random.ts'

interface At {
  topic: number
  partition: number
}

interface Fields {
  createTopic: {
    topic: number
    partitions: number
    replicas: number
    config: Setting | undefined
    validateOnly: boolean
  }
  deleteTopic: { topic: number }
  createPartitions: { topic: number; count: number }
  describeTopic: { topic: number }
  alterConfig: { topic: number; setting: Setting }
  describeConfig: { topic: number; name: string }
  /** `slip` is added to the sequence that is due; `damage` flips a bit behind the header. Nobody knows codec 5. */
  produce: At & {
    acks: number
    count: number
    producer: number | undefined
    isTransactional: boolean
    slip: number
    codec: number
    damage: boolean
  }
  fetch: At & { offset: number; committed: boolean }
  listOffsets: At & { timestamp: number; committed: boolean }
  deleteRecords: At & { offset: number }
  describeProducers: At
  initProducer: { producer: number }
  initTransaction: { producer: number; timeoutMs: number }
  addPartition: At & { producer: number; epochSlip: number }
  addGroup: { producer: number; group: number }
  commitInTransaction: At & { producer: number; group: number; offset: number }
  endTransaction: { producer: number; commits: boolean; epochSlip: number }
  describeTransaction: { producer: number }
  commitOffset: At & { group: number; offset: number; generation: number }
  fetchOffset: At & { group: number; stable: boolean }
  deleteOffset: At & { group: number }
  deleteGroup: { group: number }
  /**
   * Members are assigned by range: who gets more of a uniform assignment is for each broker to choose. The last one is
   * static; of one that was not before, Kafka knows no target until the group's next epoch.
   */
  heartbeat: {
    group: number
    member: number
    step: HeartbeatStep
    owned: 'unsaid' | 'as told' | 'nothing' | 'all'
    topics: number[] | undefined
  }
  commitAsMember: At & { group: number; member: number; epochSlip: number; offset: number }
  fetchAsMember: At & { group: number; member: number; epochSlip: number }
  describeConsumers: { group: number }
}

/** The epoch that a member says: what it was told, or something else. */
export type HeartbeatStep = 'told' | 'join' | 'leave' | 'away' | 'ahead' | 'behind'

export interface Setting {
  name: string
  value: string
}

export type CommandName = keyof Fields
export type Command = { [K in CommandName]: { do: K } & Fields[K] }[CommandName]

/** Times of records are this far apart, so that time queries have something to find. */
export const recordSpacingMs = 1000
/** Of one produce. */
export const recordsMax = 3

const settings: readonly Setting[] = [
  { name: 'max.message.bytes', value: '150' },
  { name: 'cleanup.policy', value: 'compact' },
  { name: 'message.timestamp.type', value: 'LogAppendTime' },
  { name: 'retention.ms', value: '86400000' },
  { name: 'retention.ms', value: 'soon' },
  { name: 'cleanup.policy', value: 'shred' },
  { name: 'min.insync.replicas', value: '1' },
  { name: 'no.such.setting', value: '1' },
]

/** How often each is drawn; what moves records most. */
const weights: Record<CommandName, number> = {
  createTopic: 3,
  deleteTopic: 1,
  createPartitions: 1,
  describeTopic: 1,
  alterConfig: 1,
  describeConfig: 1,
  produce: 10,
  fetch: 8,
  listOffsets: 4,
  deleteRecords: 2,
  describeProducers: 1,
  initProducer: 2,
  initTransaction: 3,
  addPartition: 4,
  addGroup: 1,
  commitInTransaction: 2,
  endTransaction: 4,
  describeTransaction: 2,
  commitOffset: 3,
  fetchOffset: 3,
  deleteOffset: 1,
  deleteGroup: 1,
  heartbeat: 14,
  commitAsMember: 2,
  fetchAsMember: 1,
  describeConsumers: 2,
}

const names = Object.keys(weights) as CommandName[]
const odds = Object.values(weights)

/** One topic is there from the start, so that most commands meet one. */
export function randomCommands(random: Random, length: number): Command[] {
  const first: Command = {
    do: 'createTopic',
    topic: 0,
    partitions: 2,
    replicas: 1,
    config: undefined,
    validateOnly: false,
  }
  const rest = Array.from({ length }, () => randomCommand(random))
  return [first, ...rest]
}

function randomCommand(random: Random): Command {
  const name = names[random.weighted(odds)] as CommandName
  return { do: name, ...draw[name](random) } as Command
}

const topic = (random: Random) => random.weighted([8, 3, 1, 0.3, 0.2, 0.2])
const place = (random: Random) => ({ topic: topic(random), partition: random.weighted([8, 4, 1]) })
const producer = (random: Random) => random.int(2)
export const membersMax = 3

const member = (random: Random) => random.int(membersMax)
const heartbeatSteps: readonly HeartbeatStep[] = [
  'told',
  'told',
  'told',
  'told',
  'told',
  'join',
  'join',
  'leave',
  'away',
  'ahead',
  'behind',
]
const group = (random: Random) => random.weighted([4, 2, 0.3])

const draw: { [K in CommandName]: (random: Random) => Fields[K] } = {
  createTopic: (random) => ({
    topic: topic(random),
    partitions: random.pick([1, 2, 3, 3, -1, 0]),
    replicas: random.weighted([0.5, 8, 0.5]) === 1 ? 1 : random.pick([0, 2]),
    config: random.chance(0.4) ? random.pick(settings) : undefined,
    validateOnly: random.chance(0.1),
  }),
  deleteTopic: (random) => ({ topic: topic(random) }),
  createPartitions: (random) => ({ topic: topic(random), count: random.pick([1, 2, 3, 4, 0, -1]) }),
  describeTopic: (random) => ({ topic: topic(random) }),
  alterConfig: (random) => ({ topic: topic(random), setting: random.pick(settings) }),
  describeConfig: (random) => ({ topic: topic(random), name: random.pick(settings).name }),
  produce: (random) => ({
    ...place(random),
    acks: random.pick([-1, -1, -1, 1, 2]),
    count: 1 + random.int(recordsMax),
    producer: random.chance(0.6) ? producer(random) : undefined,
    isTransactional: random.chance(0.5),
    slip: random.weighted([10, 1, 1, 1]) === 0 ? 0 : random.pick([-2, -1, 1, 5]),
    codec: random.weighted([8, 1, 1, 1, 1, 0.3]),
    damage: random.chance(0.05),
  }),
  fetch: (random) => ({
    ...place(random),
    offset: random.pick([0, 0, 0, 1, 2, 5, 9, 30, -1]),
    committed: random.chance(0.5),
  }),
  listOffsets: (random) => ({
    ...place(random),
    timestamp: random.pick([-1, -1, -2, -2, -3, 0, 3, 9, 25, 1000]),
    committed: random.chance(0.5),
  }),
  deleteRecords: (random) => ({ ...place(random), offset: random.pick([-1, 0, 1, 2, 4, 50]) }),
  describeProducers: place,
  initProducer: (random) => ({ producer: producer(random) }),
  initTransaction: (random) => ({
    producer: producer(random),
    timeoutMs: random.pick([60_000, 60_000, 60_000, 0, 100_000_000]),
  }),
  addPartition: (random) => ({
    ...place(random),
    producer: producer(random),
    epochSlip: slipOf(random),
  }),
  addGroup: (random) => ({ producer: producer(random), group: group(random) }),
  commitInTransaction: (random) => ({
    ...place(random),
    producer: producer(random),
    group: group(random),
    offset: random.int(20),
  }),
  endTransaction: (random) => ({
    producer: producer(random),
    commits: random.chance(0.6),
    epochSlip: slipOf(random),
  }),
  describeTransaction: (random) => ({ producer: producer(random) }),
  commitOffset: (random) => ({
    ...place(random),
    group: group(random),
    offset: random.int(20),
    generation: random.chance(0.1) ? 3 : -1,
  }),
  fetchOffset: (random) => ({
    ...place(random),
    group: group(random),
    stable: random.chance(0.5),
  }),
  deleteOffset: (random) => ({ ...place(random), group: group(random) }),
  deleteGroup: (random) => ({ group: group(random) }),
  heartbeat: (random) => ({
    group: group(random),
    member: member(random),
    step: random.pick(heartbeatSteps),
    owned: random.pick(['unsaid', 'as told', 'as told', 'nothing', 'all']),
    topics: random.chance(0.2) ? [topic(random), topic(random)] : undefined,
  }),
  commitAsMember: (random) => ({
    ...place(random),
    group: group(random),
    member: member(random),
    epochSlip: slipOf(random),
    offset: random.int(20),
  }),
  fetchAsMember: (random) => ({
    ...place(random),
    group: group(random),
    member: member(random),
    epochSlip: slipOf(random),
  }),
  describeConsumers: (random) => ({ group: group(random) }),
}

function slipOf(random: Random): number {
  return random.chance(0.1) ? random.pick([-1, 1]) : 0
}

export function isReading({ do: name }: Command): boolean {
  return name === 'fetch' || name === 'listOffsets' || /^(describe|fetch)/.test(name)
}
