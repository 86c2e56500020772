// A group that is never left in peace: members come, leave, die without a word and stand still for longer than their
// session, while records are written all the time. Nothing may be skipped, and no partition may wait for an owner for
// longer than two sessions.

import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { Kafka, logLevel } from 'kafkajs'
import { Random } from '#stack/base/random.ts'
import type { MemberWord } from './rebalance-member.ts'

export interface DrillOptions {
  broker: string
  /** Whether members share out among themselves, or the broker assigns them (KIP-848). */
  protocol: 'classic' | 'consumer'
  rebalances: number
  seed: number
}

export interface DrillResult {
  rebalances: number
  written: number
  /** Read more than once: what was not committed before its reader lost it. */
  repeated: number
  /** Written and never read, as partition/offset. */
  skipped: string[]
  /** From a record's writing to its first reading. */
  longestWaitMs: number
  /** What members did and suffered while that record waited, a line each. */
  longestWait: string[]
  /** What was done to members, and how often. */
  done: Record<string, number>
}

export const sessionMs = 6000
const partitions = 6
const membersMax = 6
/** Longer than a session: who stands still so long has lost its place. */
const stillMs = 9000
const topic = 'drill'
/** kafkajs sets timers to times gone by; Node says so for each process. */
const quiet = ['--disable-warning=TimeoutNegativeWarning']

interface Member {
  name: string
  process: ChildProcess
  isStill: boolean
  /** Whether it has been given partitions since it began, or since it stood still. */
  isIn: boolean
}

export async function drill({
  broker,
  protocol,
  rebalances,
  seed,
}: DrillOptions): Promise<DrillResult> {
  const random = new Random(`rebalance/${seed}`)
  const world = new World(broker, protocol)
  await world.open()
  const writing = world.write()
  for (let i = 0; i < 3; i++) world.add()
  while (world.rebalances < rebalances) {
    world.act(random)
    await pause(500 + random.int(1500))
  }
  world.isOver = true
  await writing
  await world.untilRead()
  return world.close()
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

class World {
  isOver = false
  rebalances = 0
  readonly #broker: string
  readonly #protocol: DrillOptions['protocol']
  readonly #kafka: Kafka
  readonly #members = new Set<Member>()
  /** When each record was written, until it is read: partition/offset. */
  readonly #waiting = new Map<string, number>()
  readonly #read = new Set<string>()
  /** Read before its writer was answered. */
  readonly #early = new Set<string>()
  readonly #done: Record<string, number> = {}
  #failedMs = -Infinity
  #written = 0
  #repeated = 0
  #longestWaitMs = 0
  #longestWait: string[] = []
  #names = 0
  readonly #diary: { atMs: number; line: string }[] = []

  constructor(broker: string, protocol: DrillOptions['protocol']) {
    this.#broker = broker
    this.#protocol = protocol
    this.#kafka = new Kafka({ brokers: broker.split(','), logLevel: logLevel.NOTHING })
  }

  async open(): Promise<void> {
    const admin = this.#kafka.admin()
    await admin.connect()
    await admin.createTopics({ topics: [{ topic, numPartitions: partitions }] })
    await admin.disconnect()
  }

  /** A few records to every partition, again and again. */
  async write(): Promise<void> {
    const producer = this.#kafka.producer()
    await producer.connect()
    while (!this.isOver) {
      const messages = Array.from({ length: partitions }, (_, partition) => ({
        partition,
        value: `record ${this.#written}`,
      }))
      const answers = await producer.send({ topic, messages })
      for (const { partition, baseOffset } of answers) {
        this.#written++
        const key = `${partition}/${baseOffset}`
        if (!this.#early.delete(key)) this.#waiting.set(key, performance.now())
      }
      await pause(50)
    }
    await producer.disconnect()
  }

  act(random: Random): void {
    const well = [...this.#members].filter(({ isStill }) => !isStill)
    const member = random.pick(well)
    // One trouble at a time: whoever takes over from the dead may not die before it has.
    const nowMs = performance.now()
    const mayFail = nowMs - this.#failedMs > 2 * sessionMs ? 1 : 0
    // Told to leave before it is in, kafkajs goes without LeaveGroup: to its group it is as dead as the killed.
    const mayLeave = member.isIn ? 1 : mayFail
    // Two at least go on.
    const what = well.length > 2 ? random.weighted([3, 2 * mayLeave, 4 * mayFail, 2 * mayFail]) : 0
    if (what > 1 || (what === 1 && !member.isIn)) this.#failedMs = nowMs
    if (what === 0) {
      if (this.#members.size < membersMax) this.#note('joined', () => this.add())
    } else if (what === 1)
      this.#note(member.isIn ? 'left' : 'gave up', () => this.#end(member, 'SIGTERM'))
    else if (what === 2) this.#note('killed', () => this.#end(member, 'SIGKILL'))
    else this.#note('stood still', () => this.#still(member))
  }

  add(): void {
    const path = new URL('./rebalance-member.ts', import.meta.url).pathname
    const own = [this.#broker, topic, 'group', String(sessionMs), this.#protocol]
    const args = [...quiet, path, ...own]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    const name = `member ${++this.#names}`
    const member: Member = { name, process: child, isStill: false, isIn: false }
    this.#members.add(member)
    child.on('message', (word: MemberWord) => this.#hear(member, word))
    child.on('exit', () => {
      this.#members.delete(member)
      this.#remember(`${member.name} is gone`)
    })
    this.#remember(`${member.name} starts`)
  }

  async untilRead(): Promise<void> {
    const untilMs = performance.now() + 3 * sessionMs
    while (this.#waiting.size > 0 && performance.now() < untilMs) await pause(50)
  }

  async close(): Promise<DrillResult> {
    const gone = [...this.#members].map(async ({ process: child }) => {
      const exit = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGKILL')
      await exit
    })
    await Promise.all(gone)
    return {
      rebalances: this.rebalances,
      written: this.#written,
      repeated: this.#repeated,
      skipped: [...this.#waiting.keys()],
      longestWaitMs: Math.round(this.#longestWaitMs),
      longestWait: this.#longestWait,
      done: this.#done,
    }
  }

  #noteWait(key: string, writtenMs: number, nowMs: number): void {
    this.#longestWaitMs = nowMs - writtenMs
    const lines = this.#diary.filter(({ atMs }) => atMs > writtenMs - sessionMs)
    this.#longestWait = [
      `${key} was written at 0 and read at ${Math.round(nowMs - writtenMs)} ms`,
      ...lines.map(({ atMs, line }) => `${Math.round(atMs - writtenMs)} ms: ${line}`),
    ]
  }

  #note(what: string, act: () => void): void {
    this.#done[what] = (this.#done[what] ?? 0) + 1
    // Nobody leads where the broker assigns: each change of who is in is a rebalance.
    if (this.#protocol === 'consumer') this.rebalances++
    act()
  }

  #end(member: Member, signal: NodeJS.Signals): void {
    member.isStill = true
    this.#remember(`${member.name} gets ${signal}`)
    member.process.kill(signal)
  }

  #still(member: Member): void {
    member.isStill = true
    member.isIn = false
    this.#remember(`${member.name} stands still`)
    member.process.kill('SIGSTOP')
    setTimeout(() => {
      this.#remember(`${member.name} goes on`)
      member.process.kill('SIGCONT')
      member.isStill = false
    }, stillMs)
  }

  #remember(line: string): void {
    this.#diary.push({ atMs: performance.now(), line })
  }

  #hear(member: Member, word: MemberWord): void {
    if (word.kind === 'suffered') {
      this.#remember(`${member.name}: ${word.what}`)
      return
    }
    if (word.kind === 'joined') {
      const leads = word.isLeader ? ' and leads' : ''
      this.#remember(`${member.name} has [${word.partitions.join(' ')}]${leads}`)
      member.isIn = true
      if (word.isLeader) this.rebalances++
      return
    }
    const nowMs = performance.now()
    for (const offset of word.offsets) {
      const key = `${word.partition}/${offset}`
      const writtenMs = this.#waiting.get(key)
      if (writtenMs !== undefined) {
        this.#waiting.delete(key)
        if (nowMs - writtenMs > this.#longestWaitMs) this.#noteWait(key, writtenMs, nowMs)
      } else if (this.#read.has(key)) this.#repeated++
      else this.#early.add(key)
      this.#read.add(key)
    }
  }
}
