// Random command sequences on a broker of ours and on Apache Kafka: the same error codes, offsets and records. A failure
// prints the seed and the shortest part of its sequence that still differs.

import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../base/clock.ts'
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

const kafka = join(process.env['SLIPWAY_SHARED'] ?? '../shared', 'tools/kafka/start')
const sequences = Number(process.env['SLIPWAY_SEQUENCES'] ?? 2000)
const firstSeed = Number(process.env['SLIPWAY_SEED'] ?? 1)
const commandsMax = 25
/** Enough to see what they have in common. */
const failuresMax = 10

if (!existsSync(kafka)) process.stdout.write(`no comparison with Kafka: ${kafka} is absent\n`)

describe.skipIf(!existsSync(kafka))('our broker beside Apache Kafka', () => {
  let dataDir = ''
  let broker: RunningBroker
  let kafkaProcess: ChildProcess
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
    const port = await freePort()
    kafkaProcess = await startKafka(port)
    ours = await Subject.connect(broker.port)
    theirs = await Subject.connect(port)
  }, 120_000)

  afterAll(async () => {
    ours?.close()
    theirs?.close()
    if (kafkaProcess) {
      const exit = once(kafkaProcess, 'exit')
      kafkaProcess.kill('SIGTERM')
      await exit
    }
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

async function startKafka(port: number): Promise<ChildProcess> {
  const child = spawn(kafka, ['--port', String(port), '--set', 'auto.create.topics.enable=false'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  for await (const line of createInterface(child.stdout)) if (line.startsWith('ready')) return child
  throw new Error('Apache Kafka did not start')
}

/** Kafka's controller listens a hundred above. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}
