// Consumers that behave as real ones do, in any order and at any moment: they join, sync, heartbeat, commit, leave,
// die without a word, come back, and the broker is killed among them. Whatever happened, when it is over the group is
// stable with exactly those who live, each with its own share, and no generation was ever given out twice.

import { expect, test } from 'vitest'
import { Random } from '../../base/random.ts'
import { errorCodes, errorName } from '../protocol/errors.ts'
import type { GroupCoordinator } from './coordinator.ts'
import { GroupClient, groupId, openGroups, settled } from './group-clients.ts'
import type { JoinAnswer } from './member.ts'

interface World {
  groups: GroupCoordinator
  /** Generation → who led it, the members, the broker's start. */
  generations: Map<number, string>
  faults: string[]
}

/** What a client does after an answer, as kafkajs and Java's consumer do. */
class Consumer {
  readonly client: GroupClient
  readonly world: World
  isBusy = false
  isMember = false
  isAlive = true

  constructor(
    world: World,
    options: { name: string; instanceId: string | null; protocols: string[] },
  ) {
    this.world = world
    this.client = new GroupClient(() => world.groups, {
      ...options,
      requiresKnownId: true,
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 30_000,
    })
  }

  /** One step of its loop; a parked answer keeps it busy. */
  async step(): Promise<void> {
    if (this.isBusy || !this.isAlive) return
    this.isBusy = true
    if (this.isMember) this.#react(this.client.heartbeat())
    else await this.#join()
    this.isBusy = false
  }

  async commit(offset: number): Promise<void> {
    if (!this.isMember || this.isBusy || !this.isAlive) return
    const { generationId } = this.client
    const current = this.world.groups.describe(groupId)?.generationId
    const code = await this.client.commit(offset)
    if (code === errorCodes.NONE && generationId !== current)
      this.world.faults.push(`a commit of generation ${generationId} in ${current}`)
    this.#react(code)
  }

  async #join(): Promise<void> {
    const { groups } = this.world
    const answer = await this.client.join()
    if (!this.isAlive || groups !== this.world.groups) return
    if (answer.errorCode !== 0) return this.#react(answer.errorCode)
    this.#noteGeneration(answer)
    const shares = Object.fromEntries(
      answer.members.map(({ memberId }) => [memberId, `${answer.generationId} ${memberId}`]),
    )
    const synced = await this.client.sync(shares)
    if (!this.isAlive || groups !== this.world.groups) return
    this.isMember = synced.errorCode === 0
    this.#react(synced.errorCode)
  }

  #noteGeneration({ generationId, leader }: JoinAnswer): void {
    const known = this.world.generations.get(generationId)
    if (known !== undefined && known !== leader)
      this.world.faults.push(`generation ${generationId} has two leaders`)
    this.world.generations.set(generationId, leader)
  }

  #react(code: number): void {
    if (code === errorCodes.NONE || code === errorCodes.MEMBER_ID_REQUIRED) return
    this.isMember = false
    if (code === errorCodes.UNKNOWN_MEMBER_ID) this.client.memberId = ''
    const expected: number[] = [
      errorCodes.UNKNOWN_MEMBER_ID,
      errorCodes.REBALANCE_IN_PROGRESS,
      errorCodes.ILLEGAL_GENERATION,
      errorCodes.NOT_COORDINATOR,
      errorCodes.FENCED_INSTANCE_ID,
    ]
    if (!expected.includes(code)) this.world.faults.push(errorName(code))
    // Its place was taken by a new one with the same instance id.
    if (code === errorCodes.FENCED_INSTANCE_ID) this.isAlive = false
  }
}

async function play(seed: number) {
  const random = new Random(seed)
  let opened = openGroups(undefined, { initialRebalanceDelayMs: random.pick([0, 100]) })
  const world: World = { groups: opened.groups, generations: new Map(), faults: [] }
  const consumers: Consumer[] = []
  const alive = () => consumers.filter((each) => each.isAlive)
  const actions: [weight: number, run: () => void | Promise<void>][] = [
    [4, () => void (alive().length < 6 && consumers.push(newConsumer(world, random)))],
    [30, () => void random.pick([...alive(), undefined])?.step()],
    [8, () => void random.pick([...alive(), undefined])?.commit(random.int(100))],
    [2, () => leave(random.pick([...alive(), undefined]))],
    [2, () => die(random.pick([...alive(), undefined]))],
    [10, () => opened.clock.advance(random.int(3000))],
    [1, () => opened.clock.advance(random.int(40_000))],
    [12, settled],
    [1, restart],
  ]
  async function restart() {
    await settled()
    opened.groups.close()
    opened = openGroups(opened.files.killed(), {}, opened.clock)
    world.groups = opened.groups
    // Connections are lost, requests under way with them.
    for (const each of consumers) each.isBusy = false
  }
  const weights = actions.map(([weight]) => weight)
  for (let i = 0; i < 250; i++) await actions[random.weighted(weights)]?.[1]()
  await calm(consumers, (ms) => opened.clock.advance(ms))
  return { world, alive: alive(), group: world.groups.describe(groupId) }
}

let names = 0

function newConsumer(world: World, random: Random): Consumer {
  const isStatic = random.chance(0.3)
  return new Consumer(world, {
    name: `c${names++}`,
    instanceId: isStatic ? `i${random.int(4)}` : null,
    protocols: random.chance(0.5) ? ['range', 'sticky'] : ['sticky'],
  })
}

function leave(consumer: Consumer | undefined): void {
  if (!consumer) return
  consumer.isAlive = false
  consumer.client.leave()
}

function die(consumer: Consumer | undefined): void {
  if (consumer) consumer.isAlive = false
}

/** Nobody comes or goes any more; everybody who lives does its steps. */
async function calm(consumers: readonly Consumer[], advance: (ms: number) => void): Promise<void> {
  for (let i = 0; i < 150; i++) {
    for (const each of consumers) void each.step()
    await settled()
    advance(1000)
  }
  await settled()
}

test('whatever consumers and broker go through, the group settles with those who live', async () => {
  for (let seed = 0; seed < 60; seed++) {
    const { world, alive, group } = await play(seed)
    expect(world.faults, `seed ${seed}`).toEqual([])
    expect(group?.state ?? 'Empty', `seed ${seed}`).toBe(alive.length > 0 ? 'Stable' : 'Empty')
    const clients = alive.map(({ client }) => client)
    expect([...(group?.members.keys() ?? [])].sort(), `seed ${seed}`).toEqual(
      clients.map(({ memberId }) => memberId).sort(),
    )
    const generations = new Set(clients.map(({ generationId }) => generationId))
    expect([...generations], `seed ${seed}`).toEqual(alive.length > 0 ? [group?.generationId] : [])
    expect(clients.filter((client) => !hasOwnShare(client))).toEqual([])
  }
}, 60_000)

/** A static member that came back has the share that its former self was given. */
function hasOwnShare({ assignment, memberId }: GroupClient): boolean {
  const owner = assignment.slice(assignment.indexOf(' ') + 1)
  return withoutRandom(owner) === withoutRandom(memberId)
}

function withoutRandom(memberId: string): string {
  return memberId.replace(/(-[0-9a-f]+){5}$/, '')
}
