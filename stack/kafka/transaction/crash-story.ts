// A broker whose power is cut in the middle of transactions, and what must be true of what is left. One seed is one
// story: two producers write to two partitions and commit offsets, some transactions end, then the disk in memory is
// left in one of the states that a real one may be in. The next start, and one after a second cut, must show each
// transaction whole or not at all, and every one whose end was acknowledged as it ended.

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { ManualClock } from '../../base/clock.ts'
import { silentLogger } from '../../base/logger.ts'
import { Random } from '../../base/random.ts'
import { MemoryFiles } from '../log/memory-files.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import {
  batchRecords,
  buildBatch,
  isControl,
  readBatchHeader,
  transactionalBit,
} from '../protocol/record-batch.ts'
import { openState } from '../state.ts'
import type { BrokerState } from '../state.ts'
import type { Producer } from './transaction.ts'

const topic = 't'
const group = 'g'
const partitions = 2

interface Told {
  name: string
  /** Number of the story's transaction: also the offset that it commits. */
  number: number
  wantsCommit: boolean
  /** Undefined where the power was cut before the answer. */
  answered?: boolean
  /** EndTxn was never sent. */
  isOpen: boolean
}

export interface CrashOptions {
  seed: number
  /** For the lock alone: everything else is in memory. */
  dataDir: string
}

/** What was wrong, in words. */
export async function cutInTransactions({ seed, dataDir }: CrashOptions): Promise<string[]> {
  const random = new Random(`transactions/${seed}`)
  const files = new MemoryFiles()
  const first = open(files, dataDir)
  await first.catalog.create({
    name: topic,
    partitionCount: partitions,
    replicationFactor: 1,
    assignments: [],
    configs: [{ name: 'internal.segment.bytes', value: String(400 + random.int(2000)) }],
  })
  const told: Told[] = []
  const running = ['a', 'b'].map((name) => tell(first, name, random.fork(name), told))
  await Promise.race([Promise.all(running), operations(files, random.int(120))])
  for (let i = random.int(6); i > 0; i--) await Promise.resolve()
  const answered = structuredClone(told)
  const disk = files.crash(random)
  const second = await inspect(disk, dataDir, answered)
  const third = await inspect(disk.crash(random), dataDir, answered)
  await Promise.allSettled(running)
  return [...second, ...third.map((each) => `after a second cut: ${each}`)]
}

function open(files: MemoryFiles, dataDir: string): BrokerState {
  rmSync(join(dataDir, 'lock'), { force: true })
  return openState({
    dataDir,
    nodeId: 1,
    files,
    clock: new ManualClock(1_000_000),
    logger: silentLogger,
    durability: 'fsync',
  })
}

/** Resolves in the middle of the disk's operation of this number. */
function operations(files: MemoryFiles, count: number): Promise<void> {
  return new Promise((resolve) => {
    let left = count
    files.before = () => {
      if (left-- <= 0) resolve()
    }
  })
}

async function tell(state: BrokerState, name: string, random: Random, told: Told[]): Promise<void> {
  const { transactions } = state
  const producer = await transactions.init(name, {
    expected: { producerId: -1, producerEpoch: -1 },
    timeoutMs: 60_000,
  })
  const ref = { transactionalId: name, ...producer }
  const sequences = [0, 0]
  for (let round = 0; round < 4; round++) {
    const transaction: Told = {
      name,
      number: told.length,
      wantsCommit: random.chance(0.6),
      isOpen: true,
    }
    told.push(transaction)
    const all = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }))
    await transactions.add(ref, { partitions: all, groups: [`${group}-${name}`] })
    for (const { partition } of all) {
      const log = state.catalog.byName(topic)?.partitions[partition] as PartitionLog
      const value = `${name} ${transaction.number}`
      const batch = batchOf(value, producer, sequences[partition] as number, random.int(300))
      sequences[partition] = (sequences[partition] as number) + 1
      await log.append(batch, -1).durable
    }
    await transactions.addOffsets(name, `${group}-${name}`, [
      {
        topic,
        partition: 0,
        offset: transaction.number,
        leaderEpoch: -1,
        metadata: null,
        committedMs: 0,
      },
    ])
    transaction.isOpen = false
    const code = await transactions.end(ref, transaction.wantsCommit)
    transaction.answered = code === 0
  }
}

function batchOf(value: string, producer: Producer, baseSequence: number, pad: number): Buffer {
  const text = Buffer.from(value + '.'.repeat(pad))
  return buildBatch({
    records: [{ key: null, value: text, timestampMs: 1 }],
    ...producer,
    baseSequence,
    attributes: transactionalBit,
  })
}

async function inspect(
  files: MemoryFiles,
  dataDir: string,
  told: readonly Told[],
): Promise<string[]> {
  const state = open(files, dataDir)
  const wrong: string[] = []
  // Each producer comes back: what it left open is aborted, what was decided is done.
  for (const name of ['a', 'b']) {
    const expected = { producerId: -1, producerEpoch: -1 }
    await state.transactions.init(name, { expected, timeoutMs: 60_000 })
  }
  const logs = state.catalog.byName(topic)?.partitions ?? []
  const seen = await Promise.all(logs.map(committedValues))
  for (const log of logs) {
    if (log.lastStableOffset !== log.logEndOffset)
      wrong.push(`${log.name} is stable to ${log.lastStableOffset} of ${log.logEndOffset}`)
  }
  const lastCommitted = new Map<string, number>()
  for (const each of told) {
    const shown = seen.filter((values) => values.includes(`${each.name} ${each.number}`)).length
    if (shown !== 0 && shown !== logs.length) wrong.push(`${describe(each)} is torn`)
    if (shown > 0 && (!each.wantsCommit || each.isOpen)) wrong.push(`${describe(each)} is shown`)
    if (shown === 0 && each.wantsCommit && each.answered) wrong.push(`${describe(each)} is lost`)
    if (shown > 0) lastCommitted.set(each.name, each.number)
  }
  for (const name of ['a', 'b']) {
    const offset = state.groups.committed(`${group}-${name}`, topic, 0)?.offset
    if (offset !== lastCommitted.get(name))
      wrong.push(`${name} has offset ${offset} and records of ${lastCommitted.get(name)}`)
  }
  await state.close()
  return wrong
}

function describe({ name, number, wantsCommit, answered }: Told): string {
  return `transaction ${number} of ${name} (${wantsCommit ? 'commit' : 'abort'}, answered: ${answered})`
}

/** As a client of read_committed reads, in small pieces. */
async function committedValues(log: PartitionLog): Promise<string[]> {
  const values: string[] = []
  const upTo = log.lastStableOffset
  for (let offset = log.logStartOffset; offset < upTo;) {
    const bytes = Buffer.concat(await log.read(offset, 700, upTo))
    const due = log.abortedBetween(offset, upTo)
    for (let at = 0; at < bytes.length;) {
      const header = readBatchHeader(bytes, at)
      const isAborted = due.some(
        ({ producerId, firstOffset, lastOffset }) =>
          producerId === header.producerId &&
          firstOffset <= header.baseOffset &&
          header.baseOffset < lastOffset,
      )
      if (!isControl(header) && !isAborted)
        for (const { value } of batchRecords(bytes, at))
          values.push(String(value).replace(/\.+$/, ''))
      at += header.sizeBytes
      offset = header.lastOffset + 1
    }
    if (bytes.length === 0) throw new Error(`nothing to read at ${offset} of ${log.name}`)
  }
  return values
}
