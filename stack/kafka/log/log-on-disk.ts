// A partition log on a disk in memory, and batches with contents that can be recognised: what the tests of this folder
// share.

import { ManualClock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import { silentLogger } from '../../base/logger.ts'
import {
  buildBatch,
  batchRecords,
  isControl,
  readBatchHeader,
  transactionalBit,
} from '../protocol/record-batch.ts'
import { FlushLimit } from './flush-limit.ts'
import type { FileLayer } from './file-layer.ts'
import { LoadedIndexes } from './loaded-indexes.ts'
import { MemoryFiles } from './memory-files.ts'
import { PartitionLog } from './partition-log.ts'
import type { LogSettings, LogShared } from './partition-log.ts'
import { TailCache } from './tail-cache.ts'

export const logDir = '/data/logs/topic/0'

export const wideSettings: LogSettings = {
  segmentBytes: 1 << 30,
  segmentMs: Infinity,
  retentionMs: -1,
  retentionBytes: -1,
  deletes: true,
  compacts: false,
  dirtyRatioMin: 0.5,
  compactionLagMsMin: 0,
  compactionLagMsMax: Infinity,
  deleteRetentionMs: 1000,
  appendTime: false,
}

export interface OpenOptions {
  files?: FileLayer
  shared?: Partial<LogShared>
  settings?: Partial<LogSettings>
}

export function openLog({ files = new MemoryFiles(), shared, settings }: OpenOptions = {}) {
  return new PartitionLog(
    'topic-0',
    logDir,
    {
      files,
      clock: new ManualClock(1_000_000),
      logger: silentLogger,
      durability: 'fsync',
      cache: new TailCache(1 << 20),
      indexes: new LoadedIndexes(4),
      flushLimit: new FlushLimit(4),
      leaderEpoch: 1,
      ...shared,
    },
    () => ({ ...wideSettings, ...settings }),
  )
}

/** Nothing is cached: every read goes to the files. */
export const uncached = () => ({ cache: new TailCache(0) })

export interface BatchOptions {
  timestampsMs?: number[]
  padBytes?: number
  producer?: { id: number; epoch: number; sequence: number }
  transactional?: boolean
  /** Of each record; null where there is none. */
  keys?: (string | null)[]
}

/** A batch with these values as records. */
export function batchOf(values: readonly (string | null)[], options: BatchOptions = {}): Buffer {
  const { timestampsMs = [], padBytes = 0, producer, transactional = false, keys = [] } = options
  return buildBatch({
    records: values.map((value, i) => ({
      key: typeof keys[i] === 'string' ? Buffer.from(keys[i]) : null,
      value: value === null ? null : Buffer.from(value + '.'.repeat(padBytes)),
      timestampMs: timestampsMs[i] ?? 0,
    })),
    ...(producer && {
      producerId: producer.id,
      producerEpoch: producer.epoch,
      baseSequence: producer.sequence,
    }),
    attributes: transactional ? transactionalBit : 0,
  })
}

export interface ReadRecord {
  offset: number
  key?: string
  value: string
}

/** Everything visible, by reading from one end to the other as a consumer does. */
export async function readAll(
  log: PartitionLog,
  from = log.logStartOffset,
  maxBytes = 4096,
): Promise<ReadRecord[]> {
  const records: ReadRecord[] = []
  for (let offset = from; offset < log.highWatermark;) {
    const slices = await log.read(offset, maxBytes, log.highWatermark)
    if (slices.length === 0) throw new Error(`nothing to read at ${offset}`)
    for (const record of recordsOf(Buffer.concat(slices))) {
      if (record.offset >= offset) records.push(record)
    }
    offset = endOf(Buffer.concat(slices))
  }
  return records
}

export function recordsOf(bytes: Buffer): ReadRecord[] {
  const records: ReadRecord[] = []
  for (let at = 0; at < bytes.length; at += readBatchHeader(bytes, at).sizeBytes) {
    if (isControl(readBatchHeader(bytes, at))) continue
    for (const { offset, key, value } of batchRecords(bytes, at))
      records.push({
        offset,
        ...(key ? { key: String(key) } : {}),
        value: String(value).replace(/\.+$/, ''),
      })
  }
  return records
}

function endOf(bytes: Buffer): number {
  let end = 0
  for (let at = 0; at < bytes.length;) {
    const { lastOffset, sizeBytes } = readBatchHeader(bytes, at)
    end = lastOffset + 1
    at += sizeBytes
  }
  return end
}

/** Keeps what was said, for tests that expect a line. */
export function listeningLogger(): Logger & { lines: string[] } {
  const lines: string[] = []
  const note = (message: string) => void lines.push(message)
  return { lines, debug: note, info: note, warn: note, error: note }
}
