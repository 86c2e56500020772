// Random command sequences on a broker of ours and on Apache Kafka: the same error codes, offsets and records. A failure
// prints the seed and the shortest part of its sequence that still differs.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../base/clock.ts'
import { freePort, startPeer } from '../../base/peer.ts'
import { Random } from '../../base/random.ts'
import { hourMs } from '../../base/units.ts'
import type { RunningBroker } from '../start.ts'
import { startBroker } from '../start.ts'
import { randomCommands } from './commands.ts'
import type { Command } from './commands.ts'
import { compare } from './compare.ts'
import type { Difference } from './compare.ts'
import { isKnown, knownDifferences } from './known-differences.ts'
import { Subject } from './subject.ts'

const sequences = Number(process.env['SLIPWAY_SEQUENCES'] ?? 2000)
const firstSeed = Number(process.env['SLIPWAY_SEED'] ?? 1)
const commandsMax = 25
/** Enough to see what they have in common. */
const failuresMax = 10

/** Its controller listens a hundred above. */
const kafkaPort = await freePort()
const kafkaArgs = [
  '--port',
  String(kafkaPort),
  '--set',
  'auto.create.topics.enable=false',
  // Targets are made with the heartbeat that wants others, as here, rather than a second later.
  'group.consumer.assignment.interval.ms=0',
  'group.consumer.min.assignment.interval.ms=0',
  'group.consumer.assignor.offload.enable=false',
]
const kafka = await startPeer('kafka/start', kafkaArgs, process.env['SLIPWAY_SHARED'])

describe.skipIf(kafka === undefined)('our broker beside Apache Kafka', () => {
  let dataDir = ''
  let broker: RunningBroker
  let ours: Subject
  let theirs: Subject
  let runs = 0

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'slipway-differential-'))
    broker = await startBroker({
      dataDir,
      durability: 'none',
      autoCreateTopics: false,
      clampReplication: false,
    })
    ours = await Subject.connect(broker.port)
    theirs = await Subject.connect(kafkaPort)
  }, 120_000)

  afterAll(async () => {
    ours?.close()
    theirs?.close()
    await kafka?.close()
    await broker?.close()
    await rm(dataDir, { recursive: true, force: true })
  }, 60_000)

  test(
    `answers ${sequences} random sequences alike`,
    async () => {
      let commands = 0
      const failures: string[] = []
      for (let seed = firstSeed; seed < firstSeed + sequences; seed++) {
        const random = new Random(seed)
        const sequence = randomCommands(random, 5 + random.int(commandsMax - 5))
        commands += sequence.length
        const difference = await differenceIn(sequence)
        if (difference) failures.push(await report(seed, sequence, difference))
        if (failures.length === failuresMax) break
      }
      expect(failures.join('\n')).toBe('')
      process.stdout.write(`${sequences} sequences, ${commands} commands, the same answers\n`)
      for (const { what, why } of knownDifferences) process.stdout.write(`but: ${what}: ${why}\n`)
    },
    4 * hourMs,
  )

  async function differenceIn(sequence: readonly Command[]): Promise<Difference | undefined> {
    const run = { prefix: `d${++runs}-`, baseMs: systemClock.now() - hourMs }
    for (const subject of [ours, theirs]) subject.begin(run)
    const difference = await compare(sequence, ours, theirs, isKnown)
    for (const subject of [ours, theirs]) await subject.cleanUp()
    return difference
  }

  /** Leaves out what the difference can do without. */
  async function report(
    seed: number,
    sequence: readonly Command[],
    first: Difference,
  ): Promise<string> {
    let difference = first
    let shortest = sequence.slice(0, first.index + 1)
    for (let i = shortest.length - 2; i >= 0; i--) {
      const without = shortest.toSpliced(i, 1)
      const still = await differenceIn(without)
      if (still?.index !== without.length - 1) continue
      ;[shortest, difference] = [without, still]
    }
    const text = (value: unknown) => JSON.stringify(value)
    return [
      `seed ${seed}:`,
      ...shortest.map((command) => `  ${text(command)}`),
      `ours:   ${text(difference.ours)}`,
      `kafka:  ${text(difference.theirs)}`,
    ].join('\n')
  }
})
