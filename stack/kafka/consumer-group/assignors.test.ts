// Who gets which partitions: nobody twice, nothing left over, as even as it can be, and little moved.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { assignorNames, assignors } from './assignors.ts'
import type { AssignedMember, AssignorName } from './assignors.ts'
import type { PartitionKey } from './partition-set.ts'
import { partitionKey } from './partition-set.ts'

interface World {
  members: AssignedMember[]
  topics: Map<string, number>
}

const none: ReadonlySet<PartitionKey> = new Set()

function member(id: string, topicIds: string[], target = none): AssignedMember {
  return { id, instanceId: null, topicIds: new Set(topicIds), target }
}

const world = fc
  .record({
    sizes: fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 4 }),
    reads: fc.array(fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }), {
      minLength: 1,
      maxLength: 5,
    }),
  })
  .map(({ sizes, reads }): World => {
    const members = reads.map((flags, i) => {
      const topicIds = sizes.flatMap((_, t) => (flags[t] ? [`t${t}`] : []))
      return member(`m${i}`, topicIds)
    })
    const isRead = (topicId: string) => members.some(({ topicIds }) => topicIds.has(topicId))
    const topics = sizes.map((size, t): [string, number] => [`t${t}`, size])
    return { members, topics: new Map(topics.filter(([topicId]) => isRead(topicId))) }
  })

function assign(name: AssignorName, { members, topics }: World): Map<string, Set<PartitionKey>> {
  return assignors[name](members, topics)
}

/** The same members, told what they have. */
function after(targets: Map<string, Set<PartitionKey>>, { members, topics }: World): World {
  return {
    topics,
    members: members.map((each) => ({ ...each, target: targets.get(each.id) ?? none })),
  }
}

const unevenness = (targets: Map<string, Set<PartitionKey>>) =>
  [...targets.values()].reduce((sum, { size }) => sum + size * size, 0)

describe.each(assignorNames)('%s', (name) => {
  test('gives each partition to one member who reads its topic', () => {
    fc.assert(
      fc.property(world, (given) => {
        const targets = assign(name, given)
        const given1 = [...targets.values()].flatMap((keys) => [...keys])
        const all = [...given.topics].flatMap(([topicId, size]) =>
          Array.from({ length: size }, (_, i) => partitionKey(topicId, i)),
        )
        expect(given1.sort()).toEqual(all.sort())
        for (const { id, topicIds } of given.members)
          for (const key of targets.get(id) ?? none)
            expect(topicIds.has(key.split(':')[0] ?? '')).toBe(true)
      }),
    )
  })

  test('says the same again when nothing has changed', () => {
    fc.assert(
      fc.property(world, (given) => {
        const targets = assign(name, given)
        expect(assign(name, after(targets, given))).toEqual(targets)
      }),
    )
  })
})

describe('uniform', () => {
  test('is as even as any way to give the partitions out', () => {
    fc.assert(
      fc.property(world, (given) => {
        expect(unevenness(assign('uniform', given))).toBe(leastUnevenness(given))
      }),
      { numRuns: 200 },
    )
  })

  test('is as even after members came and went, from whatever they had', () => {
    fc.assert(
      fc.property(world, fc.nat(), (given, seed) => {
        const before = assign('uniform', given)
        const members = after(before, given).members.filter((_, i) => (seed >> i) % 2 === 0)
        const isRead = (topicId: string) => members.some(({ topicIds }) => topicIds.has(topicId))
        const topics = new Map([...given.topics].filter(([topicId]) => isRead(topicId)))
        const left = { members, topics }
        expect(unevenness(assign('uniform', left))).toBe(leastUnevenness(left))
      }),
      { numRuns: 200 },
    )
  })

  test('moves to a newcomer its share and nothing else', () => {
    const topics = new Map([['t', 12]])
    const three = ['a', 'b', 'c'].map((id) => member(id, ['t']))
    const before = assign('uniform', { members: three, topics })
    const four = after(before, { members: [...three, member('d', ['t'])], topics })
    const targets = assign('uniform', four)
    expect([...targets.values()].map(({ size }) => size)).toEqual([3, 3, 3, 3])
    for (const { id, target } of four.members)
      expect(targets.get(id)?.difference(target).size).toBe(id === 'd' ? 3 : 0)
  })

  test('leaves to those who stay what they had when somebody goes', () => {
    const topics = new Map([['t', 7]])
    const members = ['a', 'b', 'c'].map((id) => member(id, ['t']))
    const given = after(assign('uniform', { members, topics }), { members, topics })
    const left = { members: given.members.slice(1), topics }
    const targets = assign('uniform', left)
    for (const { id, target } of left.members)
      expect(target.isSubsetOf(targets.get(id) ?? none)).toBe(true)
  })

  test('keeps nothing of partitions that there are no more', () => {
    const target = new Set([partitionKey('t', 0), partitionKey('t', 9), partitionKey('gone', 0)])
    const members = [member('a', ['t', 'gone'], target)]
    expect(assign('uniform', { members, topics: new Map([['t', 1]]) })).toEqual(
      new Map([['a', new Set(['t:0'])]]),
    )
  })
})

describe('range', () => {
  test('gives neighbours, the first members one more', () => {
    const members = ['b', 'a', 'c'].map((id) => member(id, ['t', 'u']))
    const topics = new Map([
      ['t', 4],
      ['u', 3],
    ])
    expect(assign('range', { members, topics })).toEqual(
      new Map([
        ['b', new Set(['t:2', 'u:1'])],
        ['a', new Set(['t:0', 't:1', 'u:0'])],
        ['c', new Set(['t:3', 'u:2'])],
      ]),
    )
  })

  test('puts members with an instance id first, by that', () => {
    const named = { ...member('z', ['t']), instanceId: 'i' }
    const members = [member('a', ['t']), named]
    const targets = assign('range', { members, topics: new Map([['t', 3]]) })
    expect(targets.get('z')).toEqual(new Set(['t:0', 't:1']))
  })
})

/** By trying all: partitions of a topic are alike, so only how many of each topic a member gets matters. */
function leastUnevenness({ members, topics }: World): number {
  let loads = new Set([members.map(() => 0).join()])
  for (const [topicId, size] of topics) {
    const readers = members.flatMap(({ topicIds }, i) => (topicIds.has(topicId) ? [i] : []))
    for (let partition = 0; partition < size; partition++) {
      const next = new Set<string>()
      for (const load of loads)
        for (const i of readers) {
          const counts = load.split(',').map(Number)
          counts[i] = (counts[i] ?? 0) + 1
          next.add(counts.join())
        }
      loads = next
    }
  }
  const squares = [...loads].map((load) =>
    load.split(',').reduce((sum, count) => sum + Number(count) ** 2, 0),
  )
  return Math.min(...squares)
}
