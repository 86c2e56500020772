// Groups whose members are assigned by the broker, on a clock that is moved by hand: what members are told, and what
// becomes of them.

import { describe, expect, test } from 'vitest'
import { ManualClock } from '../../base/clock.ts'
import { openGroups, settled } from '../group/group-clients.ts'
import { MemoryFiles } from '../log/memory-files.ts'
import { errorCodes, errorName } from '../protocol/errors.ts'
import type { ConsumerOptions } from './consumer-client.ts'
import { ConsumerClient, groupId, MadeUpTopics } from './consumer-client.ts'

const sessionTimeoutMs = 45_000

function open(topics = new MadeUpTopics().set('t', 4), files = new MemoryFiles()) {
  const clock = new ManualClock(1_000_000)
  let opened = openGroups(files, { topics, consumerSessionTimeoutMs: sessionTimeoutMs }, clock)
  const client = (memberId: string, options: Partial<ConsumerOptions> = {}) =>
    new ConsumerClient(() => opened.groups, { memberId, ...options })
  const group = () => opened.groups.describeConsumers(groupId)
  const restart = () => {
    opened.groups.close()
    opened = openGroups(
      opened.files.killed(),
      { topics, consumerSessionTimeoutMs: sessionTimeoutMs },
      clock,
    )
  }
  return { topics, clock, client, group, restart, groups: () => opened.groups }
}

const keys = (client: ConsumerClient) => [...client.owned].sort().join(' ')

/** Everybody speaks until nothing changes. */
async function settle(...clients: ConsumerClient[]): Promise<void> {
  for (let i = 0; i < 4; i++) for (const client of clients) await client.beat()
}

describe('joining', () => {
  test('a member alone gets every partition with its first heartbeat', async () => {
    const { client, group } = open()
    const a = client('a')
    const answer = await a.beat()
    expect(answer).toMatchObject({ errorCode: errorCodes.NONE, memberId: 'a', memberEpoch: 2 })
    expect(keys(a)).toBe('t:0 t:1 t:2 t:3')
    expect(group()?.state).toBe('Stable')
  })

  test('a second one gets its share when the first says that it let go, not before', async () => {
    const { client, group } = open()
    const [a, b] = [client('a'), client('b')]
    await a.beat()
    await b.beat()
    expect([keys(b), b.epoch, group()?.state]).toEqual(['', 3, 'Reconciling'])
    // Told to let go of two; still in its epoch.
    await a.beat()
    expect([a.owned.size, a.epoch]).toEqual([2, 2])
    await b.beat()
    expect(keys(b)).toBe('')
    await a.beat()
    await b.beat()
    expect([a.owned.size, b.owned.size, a.epoch, b.epoch]).toEqual([2, 2, 3, 3])
    expect(a.owned.isDisjointFrom(b.owned)).toBe(true)
    expect(group()?.state).toBe('Stable')
  })

  test('who has let go gets it back with the same heartbeat when it is meant for it again', async () => {
    const { client } = open()
    const a = client('a')
    await a.beat()
    a.subscribe(['other'])
    await a.beat()
    expect(keys(a)).toBe('')
    a.subscribe(['t'])
    await a.beat()
    expect(keys(a)).toBe('t:0 t:1 t:2 t:3')
  })

  test('whoever hears nothing new is told no assignment', async () => {
    const { client } = open()
    const a = client('a')
    await a.beat()
    expect((await a.beat()).assignment).toBeNull()
  })

  test('an expression takes topics in as they come', async () => {
    const { client, topics } = open()
    const a = client('a', { regex: 't.*' })
    await a.beat()
    topics.set('t2', 1).set('other', 1)
    await a.beat()
    expect(keys(a)).toBe('t2:0 t:0 t:1 t:2 t:3')
  })

  test('new partitions are given out, those of a deleted topic taken back', async () => {
    const { client, topics } = open()
    const a = client('a', { topics: ['t', 'u'] })
    topics.set('u', 1)
    await settle(a)
    topics.set('t', 5)
    topics.delete('u')
    await settle(a)
    expect(keys(a)).toBe('t:0 t:1 t:2 t:3 t:4')
  })

  test('a group that is full takes nobody else', async () => {
    const topics = new MadeUpTopics().set('t', 4)
    const { groups } = openGroups(undefined, { topics, membersMax: 1 })
    const [a, b] = ['a', 'b'].map((memberId) => new ConsumerClient(() => groups, { memberId }))
    await a?.beat()
    expect(errorName((await b?.beat())?.errorCode ?? 0)).toBe('GROUP_MAX_SIZE_REACHED')
    expect((await a?.beat())?.errorCode).toBe(errorCodes.NONE)
  })
})

describe('a refusal', () => {
  test.each([
    ['INVALID_REQUEST', { groupId: '' }],
    ['INVALID_REQUEST', { memberId: '' }],
    ['INVALID_REQUEST', { rackId: '' }],
    ['INVALID_REQUEST', { instanceId: '' }],
    ['INVALID_REQUEST', { rebalanceTimeoutMs: -1 }],
    ['INVALID_REQUEST', { topicPartitions: null }],
    ['INVALID_REQUEST', { topicPartitions: [{ topicId: 't', partitions: [0] }] }],
    ['INVALID_REQUEST', { subscribedTopicNames: null }],
    ['INVALID_REQUEST', { memberEpoch: -2 }],
    ['INVALID_REQUEST', { memberEpoch: -3 }],
    ['UNSUPPORTED_ASSIGNOR', { serverAssignor: 'best' }],
    ['INVALID_REGULAR_EXPRESSION', { subscribedTopicRegex: '(' }],
    ['GROUP_ID_NOT_FOUND', { memberEpoch: 3 }],
    ['GROUP_ID_NOT_FOUND', { memberEpoch: -1 }],
  ])('%s of %o makes no group', async (error, changes) => {
    const { client, group } = open()
    const answer = await client('a').beat(changes)
    expect(errorName(answer.errorCode)).toBe(error)
    expect(answer.errorMessage).toMatch(/\.$/)
    expect(group()).toBeUndefined()
  })

  test('an expression that would take forever is answered at once', async () => {
    const { client, topics } = open()
    topics.set('a'.repeat(40), 1)
    const startMs = performance.now()
    await client('a', { regex: '(a+)+b' }).beat()
    expect(performance.now() - startMs).toBeLessThan(1000)
  })
})

describe('epochs', () => {
  test('whoever is ahead or behind has to begin again', async () => {
    const { client } = open()
    const a = client('a')
    await a.beat()
    for (const memberEpoch of [1, 7]) {
      const answer = await client('a').beat({ memberEpoch, topicPartitions: null })
      expect(errorName(answer.errorCode)).toBe('FENCED_MEMBER_EPOCH')
    }
  })

  test('the epoch before is good enough from a member that lost the answer', async () => {
    const { client, groups } = open()
    const [a, b] = [client('a'), client('b')]
    await a.beat()
    await b.beat()
    await a.beat()
    // It says that it let go; the answer with the new epoch is lost.
    await groups().consumerHeartbeat(a.request())
    a.lose()
    const answer = await a.beat()
    expect([answer.errorCode, answer.memberEpoch, a.owned.size]).toEqual([0, 3, 2])
  })

  test('what a member read since it has a partition it may commit in the epochs from there on', async () => {
    const { client, groups } = open()
    const [a, b] = [client('a'), client('b')]
    await settle(a)
    await settle(b, a, b)
    const kept = Number([...a.owned][0]?.slice(2))
    const given = Number([...b.owned][0]?.slice(2))
    const commit = async (memberId: string, generationId: number, partition: number) => {
      const offset = { topic: 't', partition, offset: 1, leaderEpoch: -1, metadata: null }
      const stored = { ...offset, committedMs: 0 }
      const ref = { groupId, memberId, generationId, groupInstanceId: null }
      const codes = await groups().commitOffsets(ref, [stored], { saysEpoch: true })
      return errorName(codes.get(stored) ?? 0)
    }
    expect([a.epoch, b.epoch]).toEqual([3, 3])
    expect(await commit('a', 3, kept)).toBe('NONE')
    expect(await commit('a', 2, kept)).toBe('NONE')
    expect(await commit('a', 2, given)).toBe('STALE_MEMBER_EPOCH')
    expect(await commit('a', 1, kept)).toBe('STALE_MEMBER_EPOCH')
    expect(await commit('a', 4, kept)).toBe('STALE_MEMBER_EPOCH')
    expect(await commit('nobody', 3, kept)).toBe('UNKNOWN_MEMBER_ID')
    expect(await commit('', -1, kept)).toBe('UNKNOWN_MEMBER_ID')
    expect(groups().fetchFault(groupId, 'a', 2)).toBe(errorCodes.STALE_MEMBER_EPOCH)
    expect(groups().fetchFault(groupId, 'a', 3)).toBe(errorCodes.NONE)
    expect(groups().fetchFault(groupId, null, -1)).toBe(errorCodes.NONE)
  })
})

describe('time', () => {
  test('a member that is silent for its session loses its place, one that speaks keeps it', async () => {
    const { client, clock, group } = open()
    const [a, b] = [client('a'), client('b')]
    await settle(a, b)
    for (let i = 0; i < 3; i++) {
      clock.advance(sessionTimeoutMs - 20_000)
      await b.beat()
    }
    expect([...(group()?.members.keys() ?? [])]).toEqual(['b'])
    await b.beat()
    expect(b.owned.size).toBe(4)
    expect(errorName((await a.beat()).errorCode)).toBe('UNKNOWN_MEMBER_ID')
  })

  test('a member that does not let go within its rebalance timeout loses its place', async () => {
    const { client, clock, group } = open()
    const [a, b] = [client('a', { rebalanceTimeoutMs: 30_000 }), client('b')]
    await a.beat()
    await b.beat()
    const holds = { topicPartitions: [{ topicId: 't', partitions: [0, 1, 2, 3] }] }
    for (let i = 0; i < 5; i++) {
      // Alive, and still at its records.
      await a.beat(holds)
      await b.beat()
      clock.advance(7000)
    }
    expect([...(group()?.members.keys() ?? [])]).toEqual(['b'])
    await b.beat()
    expect(b.owned.size).toBe(4)
  })
})

describe('leaving', () => {
  test('a member that leaves makes room at once', async () => {
    const { client, group } = open()
    const [a, b] = [client('a'), client('b')]
    await settle(a, b)
    expect(await a.leave()).toMatchObject({ errorCode: errorCodes.NONE, memberEpoch: -1 })
    await b.beat()
    expect(b.owned.size).toBe(4)
    await b.leave()
    expect(group()?.state).toBe('Empty')
  })

  test('a static member that is away keeps its share for whoever comes back under its name', async () => {
    const { client, group } = open()
    const [a, b] = [client('a', { instanceId: 'i' }), client('b')]
    await settle(a, b)
    const share = keys(a)
    const again = client('a2', { instanceId: 'i' })
    expect(errorName((await again.beat()).errorCode)).toBe('UNRELEASED_INSTANCE_ID')
    await a.leave(-2)
    const groupEpoch = group()?.epoch
    await b.beat()
    expect(b.owned.size).toBe(2)
    await again.beat()
    expect([keys(again), group()?.epoch, group()?.state]).toEqual([share, groupEpoch, 'Stable'])
    expect(errorName((await a.beat({ memberEpoch: 3 })).errorCode)).toBe('FENCED_INSTANCE_ID')
  })

  test('a static member that is away has nothing to let go of, and its whole session to come back', async () => {
    const { client, clock, group } = open()
    const [a, b] = [client('a', { instanceId: 'i', rebalanceTimeoutMs: 10_000 }), client('b')]
    await a.beat()
    await b.beat()
    await a.beat()
    await a.leave(-2)
    clock.advance(20_000)
    expect([...(group()?.members.keys() ?? [])]).toEqual(['a', 'b'])
  })

  test('a static member that stays away is gone with its session', async () => {
    const { client, clock, group } = open()
    const [a, b] = [client('a', { instanceId: 'i' }), client('b')]
    await settle(a, b)
    await a.leave(-2)
    clock.advance(sessionTimeoutMs - 1000)
    await b.beat()
    expect(group()?.members.size).toBe(2)
    clock.advance(2000)
    await b.beat()
    expect(b.owned.size).toBe(4)
  })
})

describe('both kinds of groups', () => {
  const join = (groups: ReturnType<typeof openGroups>['groups']) =>
    groups.join({
      groupId,
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 10_000,
      memberId: '',
      groupInstanceId: null,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
      clientId: 'classic',
      clientHost: 'here',
      requiresKnownId: false,
      canSkipAssignment: false,
    })

  test('a group has one kind of members at a time, and the other when those are gone', async () => {
    const { client, groups } = open()
    const a = client('a')
    await a.beat()
    expect(errorName((await join(groups())).errorCode)).toBe('INCONSISTENT_GROUP_PROTOCOL')
    await a.leave()
    const { memberId, errorCode } = await join(groups())
    expect(errorCode).toBe(errorCodes.NONE)
    expect(groups().list()).toMatchObject([{ type: 'classic' }])
    const refusal = await client('b').beat()
    expect(errorName(refusal.errorCode)).toBe('GROUP_ID_NOT_FOUND')
    groups().leave(groupId, [{ memberId, groupInstanceId: null }])
    expect((await client('b').beat()).errorCode).toBe(errorCodes.NONE)
    expect(groups().list()).toMatchObject([{ type: 'consumer', state: 'Stable' }])
  })

  test('offsets stay when a group becomes of the other kind, also after a restart', async () => {
    const { client, groups, restart } = open()
    const offset = { topic: 't', partition: 0, offset: 5, leaderEpoch: -1, metadata: null }
    const ref = { groupId, memberId: '', generationId: -1, groupInstanceId: null }
    await groups().commitOffsets(ref, [{ ...offset, committedMs: 0 }], { saysEpoch: true })
    expect(groups().list()).toMatchObject([{ type: 'classic' }])
    await client('a').beat()
    restart()
    expect(groups().list()).toMatchObject([{ type: 'consumer' }])
    expect(groups().committed(groupId, 't', 0)?.offset).toBe(5)
  })

  test('a topic that is read keeps its offsets, and a group with members cannot be deleted', async () => {
    const { client, groups } = open()
    const a = client('a')
    await a.beat()
    expect(errorName(await groups().delete(groupId))).toBe('NON_EMPTY_GROUP')
    const deleted = await groups().deleteOffsets(groupId, [
      { topic: 't', partition: 0 },
      { topic: 'u', partition: 0 },
    ])
    expect(deleted.codes.map(errorName)).toEqual(['GROUP_SUBSCRIBED_TO_TOPIC', 'NONE'])
    await a.leave()
    expect(errorName(await groups().delete(groupId))).toBe('NONE')
    expect(groups().list()).toEqual([])
  })

  test('a group that nobody is in goes with its last offset, one that is read does not', async () => {
    const { client, clock, groups } = open()
    const [a] = [client('a')]
    await a.beat()
    const offset = { topic: 't', partition: 0, offset: 5, leaderEpoch: -1, metadata: null }
    const ref = { groupId, memberId: 'a', generationId: a.epoch, groupInstanceId: null }
    await groups().commitOffsets(ref, [{ ...offset, committedMs: clock.now() }], {
      saysEpoch: true,
    })
    const weekMs = 7 * 86_400_000
    groups().expire(clock.now() + weekMs)
    await settled()
    expect(groups().committed(groupId, 't', 0)?.offset).toBe(5)
    await a.leave()
    groups().expire(clock.now() + weekMs)
    await settled()
    expect(groups().list()).toEqual([])
  })
})

test('an answer that changes nothing waits for what it rests on to be durable', async () => {
  const { client, groups } = open()
  const a = client('a')
  const order: string[] = []
  const first = groups().consumerHeartbeat(a.request())
  const again = groups().consumerHeartbeat(a.request())
  void first.then(() => order.push('first'))
  void again.then(() => order.push('again'))
  await Promise.all([first, again])
  await settled()
  expect(order).toEqual(['first', 'again'])
})

test('members carry on with a restarted broker, in their epochs and with what they have', async () => {
  const { client, restart, group } = open()
  const [a, b] = [client('a'), client('b', { assignor: 'range' })]
  await settle(a, b)
  const before = { epoch: group()?.epoch, a: keys(a), b: keys(b) }
  restart()
  expect((await a.beat()).errorCode).toBe(errorCodes.NONE)
  expect((await b.beat()).errorCode).toBe(errorCodes.NONE)
  expect({ epoch: group()?.epoch, a: keys(a), b: keys(b) }).toEqual(before)
  expect(group()?.state).toBe('Stable')
})
