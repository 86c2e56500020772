// Classic consumer groups as a state machine: what members are told, on a clock that is moved by hand.

import { describe, expect, test } from 'vitest'
import { errorCodes } from '../protocol/errors.ts'
import type { ClientOptions } from './group-clients.ts'
import {
  gather,
  GroupClient,
  groupId,
  openGroups,
  pending,
  settled,
  shareOut,
  subscription,
} from './group-clients.ts'

const {
  FENCED_INSTANCE_ID,
  GROUP_ID_NOT_FOUND,
  GROUP_MAX_SIZE_REACHED,
  GROUP_SUBSCRIBED_TO_TOPIC,
  ILLEGAL_GENERATION,
  INCONSISTENT_GROUP_PROTOCOL,
  INVALID_GROUP_ID,
  INVALID_SESSION_TIMEOUT,
  MEMBER_ID_REQUIRED,
  NONE,
  NON_EMPTY_GROUP,
  NOT_COORDINATOR,
  OFFSET_METADATA_TOO_LARGE,
  REBALANCE_IN_PROGRESS,
  UNKNOWN_MEMBER_ID,
} = errorCodes

function open(options: Parameters<typeof openGroups>[1] = {}) {
  const opened = openGroups(undefined, options)
  const client = (clientOptions?: ClientOptions) => new GroupClient(opened.groups, clientOptions)
  const state = () => opened.groups.describe(groupId)?.state
  return { ...opened, client, state }
}

describe('joining', () => {
  test('one member leads itself and gets what it assigns', async () => {
    const { client, state } = open()
    const a = client()
    const [answer] = await gather(a)
    expect(answer).toMatchObject({ errorCode: NONE, generationId: 1, protocolName: 'range' })
    expect(answer?.members.map(({ memberId }) => memberId)).toEqual([a.memberId])
    expect(a.assignment).toBe(`share of ${a.memberId}`)
    expect(state()).toBe('Stable')
  })

  test('a second member starts a round that ends when the first has joined again', async () => {
    const { client, state } = open()
    const [a, b] = [client(), client()]
    await gather(a)
    const joining = pending(b.join())
    await settled()
    expect([joining.answer, state(), a.heartbeat()]).toEqual([
      undefined,
      'PreparingRebalance',
      REBALANCE_IN_PROGRESS,
    ])
    const answers = [await a.join(), await joining.promise]
    expect(answers.map(({ generationId }) => generationId)).toEqual([2, 2])
    // Only the leader is told who the members are.
    expect(answers.map(({ members }) => members.length)).toEqual([2, 0])
    expect(answers[1]?.leader).toBe(a.memberId)
    await shareOut([a, b], answers)
    expect([a.assignment, b.assignment]).toEqual([
      `share of ${a.memberId}`,
      `share of ${b.memberId}`,
    ])
  })

  test('a member without an id is told one first, and holds the round up until it is used', async () => {
    const { client, clock } = open()
    const a = client()
    await gather(a)
    const b = client({ requiresKnownId: true, sessionTimeoutMs: 20_000 })
    expect((await b.join()).errorCode).toBe(MEMBER_ID_REQUIRED)
    expect(a.heartbeat()).toBe(NONE)
    const again = client()
    const third = pending(again.join())
    const first = pending(a.join())
    await settled()
    expect(first.answer).toBeUndefined()
    const second = pending(b.join())
    await settled()
    expect([first, second, third].map(({ answer }) => answer?.errorCode)).toEqual([0, 0, 0])
    // An id that nobody uses is forgotten with its session.
    const d = client({ requiresKnownId: true })
    await d.join()
    clock.advance(10_001)
    expect((await d.join()).errorCode).toBe(UNKNOWN_MEMBER_ID)
  })

  test.each([
    ['an empty group id', { groupId: '' }, INVALID_GROUP_ID],
    ['a session that is too short', { sessionTimeoutMs: 5999 }, INVALID_SESSION_TIMEOUT],
    ['a session that is too long', { sessionTimeoutMs: 1_800_001 }, INVALID_SESSION_TIMEOUT],
    ['an id that nobody was given', { memberId: 'x' }, UNKNOWN_MEMBER_ID],
    ['no protocol', { protocols: [] }, INCONSISTENT_GROUP_PROTOCOL],
    ['no protocol type', { protocolType: '' }, INCONSISTENT_GROUP_PROTOCOL],
  ])('%s is refused, and no group comes of it', async (_what, changes, errorCode) => {
    const { client, groups } = open()
    expect((await client().join(changes)).errorCode).toBe(errorCode)
    expect(groups.list()).toEqual([])
  })

  test('sessions of exactly the shortest and the longest allowed time are fine', async () => {
    for (const sessionTimeoutMs of [6000, 1_800_000])
      expect((await open().client({ sessionTimeoutMs }).join()).errorCode).toBe(NONE)
  })

  test('who has no protocol in common with the others is refused', async () => {
    const { client } = open()
    await gather(client({ protocols: ['range', 'sticky'] }))
    const other = client({ protocols: ['mine'] })
    expect((await other.join()).errorCode).toBe(INCONSISTENT_GROUP_PROTOCOL)
    expect((await other.join({ protocolType: 'connect' })).errorCode).toBe(
      INCONSISTENT_GROUP_PROTOCOL,
    )
  })

  test('the protocol is one that all know and most put first', async () => {
    const { clock, client } = open({ initialRebalanceDelayMs: 100 })
    const clients = [
      ['mine', 'range', 'sticky'],
      ['sticky', 'range'],
      ['sticky', 'range'],
    ].map((protocols) => client({ protocols }))
    const joining = clients.map((each) => pending(each.join()))
    await settled()
    clock.advance(100)
    clock.advance(100)
    await settled()
    expect(joining.map(({ answer }) => answer?.protocolName)).toEqual([
      'sticky',
      'sticky',
      'sticky',
    ])
  })

  test('the first round of an empty group waits for others, again for each newcomer', async () => {
    const { client, clock } = open({ initialRebalanceDelayMs: 3000 })
    const first = pending(client().join())
    clock.advance(2999)
    const second = pending(client().join())
    clock.advance(1)
    await settled()
    expect(first.answer).toBeUndefined()
    clock.advance(3000)
    await settled()
    expect([first.answer?.generationId, second.answer?.generationId]).toEqual([1, 1])
    expect(first.answer?.members).toHaveLength(2)
  })

  test('a group has a limit', async () => {
    const { client } = open({ membersMax: 2 })
    void client().join()
    await client({ requiresKnownId: true }).join()
    expect((await client().join()).errorCode).toBe(GROUP_MAX_SIZE_REACHED)
  })

  test('a follower whose answer was lost gets it again without a new round', async () => {
    const { client } = open()
    const [a, b] = [client(), client()]
    await gather(a, b)
    const again = await b.join()
    expect(again).toMatchObject({ errorCode: NONE, generationId: a.generationId, members: [] })
    expect(a.heartbeat()).toBe(NONE)
  })

  test('an answer that was lost before the assignment is given again, to the leader, too', async () => {
    const { client, state } = open()
    const a = client()
    const first = await a.join()
    expect(state()).toBe('CompletingRebalance')
    expect(await a.join()).toEqual(first)
  })

  test('a leader that joins again starts a new round', async () => {
    const { client, state } = open()
    const [a, b] = [client(), client()]
    await gather(a, b)
    void a.join()
    expect([state(), b.heartbeat()]).toEqual(['PreparingRebalance', REBALANCE_IN_PROGRESS])
  })

  test('a changed subscription starts a new round', async () => {
    const { client, state } = open()
    const [a, b] = [client(), client()]
    await gather(a, b)
    b.topics = ['t', 'u']
    void b.join()
    expect(state()).toBe('PreparingRebalance')
  })

  test('a second join of one member takes the place of the first', async () => {
    const { client } = open()
    const [a, b] = [client(), client()]
    await gather(a, b)
    const lost = pending(a.join())
    const kept = pending(a.join())
    await settled()
    expect([lost.answer?.errorCode, kept.answer]).toEqual([REBALANCE_IN_PROGRESS, undefined])
    await b.join()
    expect((await kept.promise).errorCode).toBe(NONE)
  })
})

describe('a round', () => {
  test('ends when the longest rebalance timeout is over, without those who did not come', async () => {
    const { client, clock } = open()
    const [a, b] = [
      client({ sessionTimeoutMs: 600_000, rebalanceTimeoutMs: 5000 }),
      client({ sessionTimeoutMs: 600_000, rebalanceTimeoutMs: 30_000 }),
    ]
    await gather(a, b)
    const joining = pending(a.join())
    clock.advance(29_999)
    await settled()
    expect(joining.answer).toBeUndefined()
    clock.advance(1)
    await settled()
    expect(joining.answer?.members.map(({ memberId }) => memberId)).toEqual([a.memberId])
    expect(b.heartbeat()).toBe(UNKNOWN_MEMBER_ID)
  })

  test('whose leader does not come gets another leader', async () => {
    const { client, clock } = open()
    const [a, b] = [client({ sessionTimeoutMs: 600_000 }), client({ sessionTimeoutMs: 600_000 })]
    await gather(a, b)
    b.topics = ['u']
    const joining = pending(b.join())
    clock.advance(60_000)
    await settled()
    expect(joining.answer).toMatchObject({ leader: b.memberId, generationId: 3 })
    expect(a.heartbeat()).toBe(UNKNOWN_MEMBER_ID)
  })

  test('that is interrupted by a newcomer tells those who wait for shares to join again', async () => {
    const { client } = open()
    const [a, b, c] = [client(), client(), client()]
    await gather(a)
    const joining = b.join()
    await Promise.all([a.join(), joining])
    const waiting = pending(b.sync())
    void c.join()
    await settled()
    expect(waiting.answer?.errorCode).toBe(REBALANCE_IN_PROGRESS)
    expect((await a.sync({ [a.memberId]: 'late' })).errorCode).toBe(REBALANCE_IN_PROGRESS)
  })

  test('removes who has not synced in time, and only those', async () => {
    const { client, clock } = open()
    const [leader, follower, silent] = [client(), client(), client()]
    const members = [leader, follower, silent]
    await gather(...members)
    await Promise.all(members.map((each) => each.join()))
    const waiting = [pending(follower.sync()), pending(leader.sync())]
    await settled()
    const alive = () => members.forEach((each) => each.heartbeat())
    for (let i = 0; i < 12; i++) {
      clock.advance(5000)
      alive()
    }
    await settled()
    // The leader was there but its answer is stored; the silent one is the reason for the new round.
    expect(waiting.every(({ answer }) => answer !== undefined)).toBe(true)
    expect([leader.heartbeat(), follower.heartbeat(), silent.heartbeat()]).toEqual([
      REBALANCE_IN_PROGRESS,
      REBALANCE_IN_PROGRESS,
      UNKNOWN_MEMBER_ID,
    ])
  })

  test('without a word from the leader starts again without it', async () => {
    const { client, clock } = open()
    const [a, b] = [client(), client()]
    await gather(a, b)
    await Promise.all([a.join(), b.join()])
    const waiting = pending(b.sync())
    for (let i = 0; i < 2; i++) {
      clock.advance(5001)
      b.heartbeat()
    }
    await settled()
    expect([a.heartbeat(), waiting.answer?.errorCode]).toEqual([
      UNKNOWN_MEMBER_ID,
      REBALANCE_IN_PROGRESS,
    ])
    expect(await b.join()).toMatchObject({ errorCode: NONE, leader: b.memberId })
  })
})

describe('syncing', () => {
  test.each([
    ['another generation', { generationId: 7 }, ILLEGAL_GENERATION],
    ['an unknown member', { memberId: 'x' }, UNKNOWN_MEMBER_ID],
    ['another protocol', { protocolName: 'mine' }, INCONSISTENT_GROUP_PROTOCOL],
    ['another protocol type', { protocolType: 'connect' }, INCONSISTENT_GROUP_PROTOCOL],
    ['no group', { groupId: '' }, INVALID_GROUP_ID],
    ['an unknown group', { groupId: 'other' }, UNKNOWN_MEMBER_ID],
  ])('with %s is refused', async (_what, changes, errorCode) => {
    const { client, groups } = open()
    const a = client()
    await a.join()
    const answer = await groups.sync({
      ...a.ref(),
      protocolType: null,
      protocolName: null,
      assignments: [],
      ...changes,
    })
    expect(answer.errorCode).toBe(errorCode)
  })

  test('in a stable group answers with the share that was given', async () => {
    const { client } = open()
    const [a, b] = [client(), client()]
    await gather(a, b)
    b.assignment = ''
    expect((await b.sync()).errorCode).toBe(NONE)
    expect(b.assignment).toBe(`share of ${b.memberId}`)
  })

  test('a member that the leader forgot gets an empty share', async () => {
    const { client } = open()
    const a = client()
    await a.join()
    expect((await a.sync({ other: 'x' })).assignment).toHaveLength(0)
  })

  test('is answered when the generation is durable, not before', async () => {
    const { client, files, state } = open()
    const a = client()
    await a.join()
    const gate = Promise.withResolvers<void>()
    files.before = (operation) => (operation === 'sync' ? gate.promise : undefined)
    const syncing = pending(a.sync({ [a.memberId]: 'x' }))
    await settled()
    expect([syncing.answer, state()]).toEqual([undefined, 'CompletingRebalance'])
    gate.resolve()
    expect((await syncing.promise).errorCode).toBe(NONE)
    expect(state()).toBe('Stable')
  })

  test('where nothing can be stored sends the members to look for another coordinator', async () => {
    const { client, files } = open()
    const a = client()
    await a.join()
    files.before = (operation) => {
      if (operation === 'sync') throw new Error('EIO')
    }
    expect((await a.sync({ [a.memberId]: 'x' })).errorCode).toBe(NOT_COORDINATOR)
    expect(await a.commit(1)).toBe(NOT_COORDINATOR)
  })
})

describe('a session', () => {
  test('ends after its timeout without a word; heartbeats, commits and joins keep it', async () => {
    const { client, clock, state } = open()
    const a = client({ sessionTimeoutMs: 10_000 })
    await gather(a)
    clock.advance(9999)
    expect(a.heartbeat()).toBe(NONE)
    clock.advance(9999)
    expect(await a.commit(1)).toBe(NONE)
    clock.advance(9999)
    expect(a.heartbeat()).toBe(NONE)
    clock.advance(10_000)
    expect([a.heartbeat(), state()]).toEqual([UNKNOWN_MEMBER_ID, 'Empty'])
  })

  test('does not end while the member waits for its round', async () => {
    const { client, clock } = open()
    const [a, b] = [
      client({ sessionTimeoutMs: 6000 }),
      client({ sessionTimeoutMs: 600_000, rebalanceTimeoutMs: 300_000 }),
    ]
    await gather(a, b)
    const joining = pending(a.join())
    clock.advance(100_000)
    await b.join()
    await settled()
    expect(joining.answer?.errorCode).toBe(NONE)
  })

  test('of one member that ends starts a round of the others', async () => {
    const { client, clock } = open()
    const [a, b] = [client({ sessionTimeoutMs: 6000 }), client({ sessionTimeoutMs: 60_000 })]
    await gather(a, b)
    clock.advance(6000)
    expect([a.heartbeat(), b.heartbeat()]).toEqual([UNKNOWN_MEMBER_ID, REBALANCE_IN_PROGRESS])
    expect((await b.join()).members).toHaveLength(1)
  })
})

describe('leaving', () => {
  test('starts a round, and the last one leaves an empty group whose generations go on', async () => {
    const { client, state } = open()
    const [a, b] = [client(), client()]
    await gather(a, b)
    expect([a.leave(), b.heartbeat()]).toEqual([NONE, REBALANCE_IN_PROGRESS])
    expect([b.leave(), state()]).toEqual([NONE, 'Empty'])
    const before = b.generationId
    const [answer] = await gather(client())
    expect(answer?.generationId).toBeGreaterThan(before)
  })

  test('of somebody unknown, or from a group that is not there, is refused', async () => {
    const { client, groups } = open()
    expect(client().leave()).toBe(UNKNOWN_MEMBER_ID)
    await gather(client())
    expect(groups.leave(groupId, [{ memberId: 'x', groupInstanceId: null }])).toEqual([
      UNKNOWN_MEMBER_ID,
    ])
  })

  test('while others wait for the round lets it end', async () => {
    const { client } = open()
    const [a, b] = [client(), client()]
    await gather(a, b)
    const joining = pending(a.join())
    expect(b.leave()).toBe(NONE)
    await settled()
    expect(joining.answer?.members).toHaveLength(1)
  })
})

describe('a static member', () => {
  const one = (options: ClientOptions = {}) => ({ instanceId: 'one', ...options })

  test('that comes back without its id takes over, and nobody else notices', async () => {
    const { client, groups } = open()
    const [a, b] = [client(), client(one())]
    await gather(a, b)
    const again = client(one())
    const answer = await again.join()
    expect(answer).toMatchObject({ errorCode: NONE, generationId: b.generationId, members: [] })
    expect(again.memberId).not.toBe(b.memberId)
    await again.sync()
    expect([again.assignment, a.heartbeat()]).toEqual([`share of ${b.memberId}`, NONE])
    expect([b.heartbeat(), (await b.join()).errorCode, b.leave()]).toEqual([
      FENCED_INSTANCE_ID,
      FENCED_INSTANCE_ID,
      FENCED_INSTANCE_ID,
    ])
    expect(await b.commit(5)).toBe(FENCED_INSTANCE_ID)
    expect(groups.describe(groupId)?.members.size).toBe(2)
  })

  test('that led is not asked to assign again, in the way its version understands', async () => {
    const { client } = open()
    const a = client(one())
    await gather(a)
    const old = client(one())
    expect(await old.join()).toMatchObject({
      leader: a.memberId,
      members: [],
      skipAssignment: false,
    })
    const modern = client(one({ canSkipAssignment: true }))
    const answer = await modern.join()
    expect(answer).toMatchObject({ leader: modern.memberId, skipAssignment: true })
    expect(answer.members).toHaveLength(1)
  })

  test('that comes back and says otherwise of itself is heard in the next round, as on Kafka', async () => {
    const { client, state } = open()
    const [a, b] = [client(), client(one())]
    await gather(a, b)
    const again = client(one({ topics: ['u'] }))
    expect(await again.join()).toMatchObject({ errorCode: NONE, generationId: b.generationId })
    expect(state()).toBe('Stable')
    const [leader] = await Promise.all([a.join(), again.join()])
    const told = leader.members.find(({ memberId }) => memberId === again.memberId)
    expect(told?.metadata).toEqual(subscription(['u']))
  })

  test('that comes back without the protocol of the group starts a round', async () => {
    const { client, state } = open()
    const both = { protocols: ['range', 'sticky'] }
    const [a, b] = [client(both), client(one(both))]
    await gather(a, b)
    void client(one({ protocols: ['sticky'] })).join()
    expect(state()).toBe('PreparingRebalance')
  })

  test('that is away when a round ends stays in the group, until its session ends', async () => {
    const { client, clock, groups } = open()
    const [a, b] = [
      client({ sessionTimeoutMs: 600_000, rebalanceTimeoutMs: 10_000 }),
      client(one({ sessionTimeoutMs: 600_000, rebalanceTimeoutMs: 10_000 })),
    ]
    await gather(a, b)
    const joining = pending(a.join())
    clock.advance(10_000)
    await settled()
    expect(joining.answer?.members).toHaveLength(2)
    expect(groups.describe(groupId)?.members.size).toBe(2)
  })

  test('alone and away keeps the group until its session ends', async () => {
    const { client, clock, state } = open()
    const a = client(one({ sessionTimeoutMs: 30_000, rebalanceTimeoutMs: 10_000 }))
    const b = client({ sessionTimeoutMs: 600_000 })
    await gather(a, b)
    expect(b.leave()).toBe(NONE)
    clock.advance(20_000)
    expect(state()).toBe('PreparingRebalance')
    clock.advance(20_000)
    expect(state()).toBe('Empty')
  })

  test('is removed by its instance id alone', async () => {
    const { client, groups } = open()
    await gather(client(one()))
    expect(groups.leave(groupId, [{ memberId: '', groupInstanceId: 'one' }])).toEqual([NONE])
    expect(groups.leave(groupId, [{ memberId: '', groupInstanceId: 'one' }])).toEqual([
      UNKNOWN_MEMBER_ID,
    ])
  })

  test('with an instance id that nobody has is unknown, although its member id is known', async () => {
    const { client, groups } = open()
    const a = client()
    await gather(a)
    expect(groups.heartbeat({ ...a.ref(), groupInstanceId: 'one' })).toBe(UNKNOWN_MEMBER_ID)
    expect((await a.join({ groupInstanceId: 'one' })).errorCode).toBe(UNKNOWN_MEMBER_ID)
  })
})

describe('offsets', () => {
  test('come back with epoch and metadata, also after a kill', async () => {
    const { client, groups, files } = open()
    const a = client()
    await gather(a)
    expect(await a.commit(42, 3, 'where I was')).toBe(NONE)
    const expected = { offset: 42, leaderEpoch: 3, metadata: 'where I was' }
    expect(groups.committed(groupId, 't', 3)).toMatchObject(expected)
    const again = openGroups(files.killed()).groups
    expect(again.committed(groupId, 't', 3)).toMatchObject(expected)
    expect(again.committedPartitions(groupId)).toEqual([{ topic: 't', partitions: [3] }])
    expect(again.committed(groupId, 't', 0)).toBeUndefined()
  })

  test('are visible when they are durable, not before', async () => {
    const { client, groups, files } = open()
    const a = client()
    await gather(a)
    const gate = Promise.withResolvers<void>()
    files.before = (operation) => (operation === 'sync' ? gate.promise : undefined)
    const committing = pending(a.commit(1))
    await settled()
    expect([committing.answer, groups.committed(groupId, 't', 0)]).toEqual([undefined, undefined])
    gate.resolve()
    expect(await committing.promise).toBe(NONE)
    expect(groups.committed(groupId, 't', 0)?.offset).toBe(1)
  })

  test('may be committed while a round is prepared, not between its end and the assignment', async () => {
    const { client } = open()
    const [a, b] = [client(), client()]
    await gather(a)
    const joining = b.join()
    expect(await a.commit(1)).toBe(NONE)
    const before = a.generationId
    await Promise.all([a.join(), joining])
    expect(await a.commit(2)).toBe(REBALANCE_IN_PROGRESS)
    a.generationId = before
    expect(await a.commit(3)).toBe(ILLEGAL_GENERATION)
  })

  test('of a consumer that is no member are accepted while the group has none', async () => {
    const { client, groups } = open()
    const simple = client()
    expect(await simple.commit(7)).toBe(NONE)
    expect(groups.list()).toEqual([{ groupId, type: 'classic', protocolType: '', state: 'Empty' }])
    await gather(client())
    expect(await simple.commit(8)).toBe(UNKNOWN_MEMBER_ID)
    const other = client()
    other.generationId = 5
    expect(await other.commit(9)).toBe(UNKNOWN_MEMBER_ID)
  })

  test('with a generation for a group that is not there are refused', async () => {
    const a = open().client()
    a.generationId = 5
    expect(await a.commit(9)).toBe(ILLEGAL_GENERATION)
  })

  test('metadata of exactly the limit is kept, a byte more is refused', async () => {
    const { client } = open()
    const a = client()
    await gather(a)
    expect(await a.commit(1, 0, 'm'.repeat(4096))).toBe(NONE)
    expect(await a.commit(1, 0, 'é'.repeat(2048) + 'm')).toBe(OFFSET_METADATA_TOO_LARGE)
  })

  test('are deleted only for topics that no member reads', async () => {
    const { client, groups } = open()
    const a = client({ topics: ['u'] })
    await gather(a)
    await a.commit(1, 0)
    const wanted = [
      { topic: 't', partition: 0 },
      { topic: 'u', partition: 0 },
    ]
    expect(await groups.deleteOffsets(groupId, wanted)).toEqual({
      errorCode: NONE,
      codes: [NONE, GROUP_SUBSCRIBED_TO_TOPIC],
    })
    expect(groups.committed(groupId, 't', 0)).toBeUndefined()
    expect((await groups.deleteOffsets('other', wanted)).errorCode).toBe(GROUP_ID_NOT_FOUND)
  })

  test('of a deleted topic are forgotten for good', async () => {
    const { client, groups, files } = open()
    const a = client()
    await gather(a)
    await a.commit(1)
    groups.forgetTopic('t')
    await settled()
    expect(groups.committed(groupId, 't', 0)).toBeUndefined()
    expect(openGroups(files.killed()).groups.committed(groupId, 't', 0)).toBeUndefined()
  })
})

describe('a group', () => {
  const weekMs = 7 * 24 * 3_600_000

  test('is deleted when it is empty, and then it is gone for good', async () => {
    const { client, groups, files } = open()
    const a = client()
    await gather(a)
    await a.commit(1)
    expect(await groups.delete(groupId)).toBe(NON_EMPTY_GROUP)
    a.leave()
    expect(await groups.delete(groupId)).toBe(NONE)
    expect(await groups.delete(groupId)).toBe(GROUP_ID_NOT_FOUND)
    expect(openGroups(files.killed()).groups.list()).toEqual([])
  })

  test('loses its offsets a week after its last member, not before', async () => {
    const { client, groups, clock, files } = open()
    const a = client()
    await gather(a)
    await a.commit(1)
    clock.advance(1000)
    a.leave()
    await settled()
    const leftMs = clock.now()
    groups.expire(leftMs + weekMs - 1)
    await settled()
    expect(groups.committed(groupId, 't', 0)).toBeDefined()
    // Also by a broker that was started since.
    const again = openGroups(files.killed()).groups
    again.expire(leftMs + weekMs)
    await settled()
    expect([again.committed(groupId, 't', 0), again.list()]).toEqual([undefined, []])
  })

  test('that lives loses offsets of topics that nobody reads any more', async () => {
    const { client, groups, clock } = open()
    const a = client()
    await gather(a)
    await a.commit(1)
    groups.expire(clock.now() + weekMs * 2)
    await settled()
    expect(groups.committed(groupId, 't', 0)).toBeDefined()
    a.topics = ['u']
    await gather(a)
    groups.expire(clock.now() + weekMs * 2)
    await settled()
    expect([groups.committed(groupId, 't', 0), groups.list().length]).toEqual([undefined, 1])
  })
})

describe('a restart', () => {
  test('lets the members of a stable group carry on', async () => {
    const { client, groups, files } = open()
    const [a, b] = [client(), client({ instanceId: 'one' })]
    await gather(a, b)
    groups.close()
    const again = openGroups(files.killed())
    const [a2, b2] = [moved(a, again.groups), moved(b, again.groups, 'one')]
    expect([a2.heartbeat(), b2.heartbeat()]).toEqual([NONE, NONE])
    expect(await a2.commit(1)).toBe(NONE)
    b2.assignment = ''
    await b2.sync()
    expect(b2.assignment).toBe(`share of ${b.memberId}`)
    // Sessions are fresh, and end as ever.
    again.clock.advance(9999)
    expect(a2.heartbeat()).toBe(NONE)
    again.clock.advance(1)
    expect(b2.heartbeat()).toBe(UNKNOWN_MEMBER_ID)
  })

  test('in the middle of a round goes on with it, and gives no generation twice', async () => {
    for (const when of ['preparing', 'completing'] as const) {
      const { client, files } = open()
      const [a, b] = [client(), client()]
      await gather(a, b)
      const joining = a.join()
      if (when === 'completing') await Promise.all([b.join(), joining])
      await settled()
      const again = openGroups(files.killed())
      expect(again.groups.describe(groupId)?.state).toBe('PreparingRebalance')
      const [a2, b2] = [moved(a, again.groups), moved(b, again.groups)]
      const answers = await Promise.all([a2.join(), b2.join()])
      expect(answers.map(({ errorCode }) => errorCode)).toEqual([NONE, NONE])
      expect(answers[0]?.generationId).toBeGreaterThan(a.generationId)
    }
  })

  test('in the middle of a round does not wait for ever for members that are gone', async () => {
    const { client, files } = open()
    const [a, b] = [client(), client()]
    await gather(a, b)
    void a.join()
    await settled()
    const again = openGroups(files.killed())
    const joining = pending(moved(a, again.groups).join())
    again.clock.advance(60_000)
    await settled()
    expect(joining.answer?.members).toHaveLength(1)
  })

  test('parks nobody: who waits is let go when the broker stops', async () => {
    const { client, groups } = open()
    const [a, b] = [client(), client()]
    await gather(a, b)
    const joining = pending(a.join())
    groups.close()
    await settled()
    expect(joining.answer?.errorCode).toBe(NOT_COORDINATOR)
    expect((await client().join()).errorCode).toBe(NOT_COORDINATOR)
    expect(b.heartbeat()).toBe(NOT_COORDINATOR)
  })
})

/** The same client, connected to another broker. */
function moved(
  client: GroupClient,
  groups: ReturnType<typeof openGroups>['groups'],
  instanceId: string | null = null,
): GroupClient {
  const again = new GroupClient(groups, { instanceId })
  again.memberId = client.memberId
  again.generationId = client.generationId
  return again
}
