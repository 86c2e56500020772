// Consumers that come, leave, die, lose answers and change what they read, topics that come and grow, and a broker whose
// power is cut among them. At no moment two who live have the same partition, nobody commits what another has, and when
// it is over everything that is read is with those who live, as even as can be.

import { expect, test } from 'vitest'
import { ManualClock } from '../../base/clock.ts'
import { Random } from '../../base/random.ts'
import { openGroups, settled } from '../group/group-clients.ts'
import { errorCodes, errorName } from '../protocol/errors.ts'
import { assignorNames } from './assignors.ts'
import { ConsumerClient, groupId, MadeUpTopics } from './consumer-client.ts'
import type { PartitionKey } from './partition-set.ts'
import { topicIdOf } from './partition-set.ts'

const sessionTimeoutMs = 45_000

interface Consumer {
  client: ConsumerClient
  isStatic: boolean
  isAlive: boolean
  isBusy: boolean
  /** When it sent the last heartbeat that was answered: after a session it counts as dead to others. */
  heardMs: number
  /** What it has or once had, and the last epoch in which it did: commits may be late. */
  read: Map<PartitionKey, number>
}

class World {
  readonly clock = new ManualClock(1_000_000)
  readonly topics = new MadeUpTopics().set('t', 5).set('u', 3)
  readonly consumers: Consumer[] = []
  readonly faults: string[] = []
  readonly #random: Random
  #opened = openGroups(
    undefined,
    { topics: this.topics, consumerSessionTimeoutMs: sessionTimeoutMs },
    this.clock,
  )
  #names = 0

  constructor(random: Random) {
    this.#random = random
  }

  get group() {
    return this.#opened.groups.describeConsumers(groupId)
  }

  get alive(): Consumer[] {
    return this.consumers.filter(({ isAlive }) => isAlive)
  }

  add(): void {
    if (this.alive.length === 6) return
    const instanceId = `i${this.#random.int(4)}`
    const isTaken = this.alive.some(({ client: { instanceId: taken } }) => taken === instanceId)
    const isStatic = !isTaken && this.#random.chance(0.3)
    const client = new ConsumerClient(() => this.#opened.groups, {
      memberId: `c${this.#names++}`,
      topics: this.#random.pick([['t'], ['u'], ['t', 'u']]),
      assignor: this.#random.pick(assignorNames),
      ...(isStatic ? { instanceId } : {}),
    })
    const heardMs = this.clock.now()
    const fresh = {
      isStatic,
      isAlive: true,
      isBusy: false,
      heardMs,
      read: new Map<PartitionKey, number>(),
    }
    this.consumers.push({ client, ...fresh })
  }

  async beat(consumer: Consumer | undefined, losesAnswer = false): Promise<void> {
    if (!consumer || consumer.isBusy) return
    consumer.isBusy = true
    const groups = this.#opened.groups
    const sentMs = this.clock.now()
    const answer = await groups.consumerHeartbeat(consumer.client.request())
    // A connection that was cut brings no answer.
    if (groups !== this.#opened.groups || !consumer.isAlive) return
    consumer.isBusy = false
    if (losesAnswer) return consumer.client.lose()
    consumer.client.take(answer)
    if (answer.errorCode === errorCodes.NONE) consumer.heardMs = sentMs
    for (const key of consumer.client.owned) consumer.read.set(key, consumer.client.epoch)
    this.#look(answer.errorCode)
    if (errorName(answer.errorCode) === 'FENCED_INSTANCE_ID') consumer.isAlive = false
  }

  async commit(consumer: Consumer | undefined): Promise<void> {
    if (!consumer || consumer.read.size === 0) return
    const [key, epoch] = this.#random.pick([...consumer.read])
    const partition = Number(key.split(':')[1])
    const stored = { topic: topicIdOf(key), partition, offset: 1, leaderEpoch: -1, metadata: null }
    const offset = { ...stored, committedMs: 0 }
    const { memberId } = consumer.client
    const ref = { groupId, memberId, generationId: epoch, groupInstanceId: null }
    const owner = this.#owners().get(key)
    const codes = await this.#opened.groups.commitOffsets(ref, [offset], { saysEpoch: true })
    if (codes.get(offset) === errorCodes.NONE && owner !== undefined && owner !== consumer)
      this.faults.push(`${memberId} commits ${key} of ${owner.client.memberId}`)
  }

  leave(consumer: Consumer | undefined): void {
    if (!consumer) return
    consumer.isAlive = false
    void consumer.client.leave(consumer.isStatic && this.#random.chance(0.7) ? -2 : -1)
  }

  die(consumer: Consumer | undefined): void {
    if (consumer) consumer.isAlive = false
  }

  restart(): void {
    this.#opened.groups.close()
    const disk = this.#random.chance(0.5)
      ? this.#opened.files.killed()
      : this.#opened.files.crash(this.#random)
    this.#opened = openGroups(
      disk,
      { topics: this.topics, consumerSessionTimeoutMs: sessionTimeoutMs },
      this.clock,
    )
    for (const each of this.alive) {
      if (each.isBusy) each.client.lose()
      each.isBusy = false
    }
  }

  /** Nobody comes or goes any more; everybody who lives does its steps. */
  async calm(): Promise<void> {
    for (let i = 0; i < 150; i++) {
      for (const each of this.alive) void this.beat(each)
      await settled()
      this.clock.advance(1000)
    }
  }

  #owners(): Map<PartitionKey, Consumer> {
    const isCurrent = ({ heardMs }: Consumer) => this.clock.now() - heardMs < sessionTimeoutMs
    const owners = new Map<PartitionKey, Consumer>()
    for (const each of this.alive.filter(isCurrent))
      for (const key of each.client.owned) {
        const other = owners.get(key)
        if (other) this.faults.push(`${other.client.memberId}, ${each.client.memberId}: ${key}`)
        owners.set(key, each)
      }
    return owners
  }

  #look(errorCode: number): void {
    this.#owners()
    const expected: number[] = [
      errorCodes.NONE,
      errorCodes.FENCED_MEMBER_EPOCH,
      errorCodes.UNKNOWN_MEMBER_ID,
      errorCodes.UNRELEASED_INSTANCE_ID,
      errorCodes.FENCED_INSTANCE_ID,
      errorCodes.NOT_COORDINATOR,
    ]
    if (!expected.includes(errorCode)) this.faults.push(errorName(errorCode))
  }
}

async function play(seed: number): Promise<World> {
  const random = new Random(seed)
  const world = new World(random)
  const one = () => random.pick([...world.alive, undefined])
  const actions: [weight: number, run: () => unknown][] = [
    [4, () => world.add()],
    [40, () => void world.beat(one())],
    [4, () => void world.beat(one(), true)],
    [8, () => void world.commit(one())],
    [2, () => world.leave(one())],
    [1, () => world.die(one())],
    [1, () => one()?.client.subscribe(random.pick([['t'], ['u'], ['t', 'u'], ['new']]))],
    [1, () => world.topics.set(random.pick(['t', 'u', 'new']), 3 + random.int(4))],
    [10, () => world.clock.advance(random.int(3000))],
    [1, () => world.clock.advance(random.int(50_000))],
    [14, settled],
    [1, () => world.restart()],
  ]
  const weights = actions.map(([weight]) => weight)
  for (let i = 0; i < 300; i++) await actions[random.weighted(weights)]?.[1]()
  await world.calm()
  return world
}

test('whatever consumers, topics and broker go through, nobody shares and in the end nothing is left over', async () => {
  for (let seed = 0; seed < 100; seed++) {
    const { faults, alive, group, topics } = await play(seed)
    expect(faults, `seed ${seed}`).toEqual([])
    expect(group?.state ?? 'Empty', `seed ${seed}`).toBe(alive.length > 0 ? 'Stable' : 'Empty')
    const read = new Set(alive.flatMap(({ client }) => client.topics))
    const all = topics
      .list()
      .filter(({ name }) => read.has(name))
      .flatMap(({ name, partitions }) => partitions.map((_, i) => `${name}:${i}`))
    const owned = alive.flatMap(({ client }) => [...client.owned])
    expect(owned.sort(), `seed ${seed}`).toEqual(all.sort())
  }
}, 60_000)
