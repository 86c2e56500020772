// `slipway dump-log FILE…`: what a segment file (`<base offset>.log`) holds, one line a batch, with --records one line
// a record behind it. Reads batch by batch, so that a file of any size costs little, and says where the bytes cease to
// make sense, as recovery would cut them.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { describeError, exitCodeOf, messageOf, OperatingError, UsageError } from '../base/errors.ts'
import { optionsHelp, parseOptions } from '../base/options.ts'
import type { OptionTable } from '../base/options.ts'
import { isoTime } from '../base/units.ts'
import { codecs } from './protocol/compression.ts'
import type { BatchHeader, BatchRecord } from './protocol/record-batch.ts'
import {
  batchHeaderBytes,
  batchRecords,
  codecOf,
  isBatchIntact,
  isControl,
  isTransactional,
  readBatchHeader,
} from './protocol/record-batch.ts'

const table = {
  records: { type: 'flag', help: 'every record as well' },
  json: { type: 'flag', help: 'one JSON object a line' },
} as const satisfies OptionTable

interface FoundBatch {
  position: number
  header: BatchHeader
  bytes: Buffer
  isIntact: boolean
}

const codecNames = Object.keys(codecs)

function main(argv: readonly string[]): void {
  const { options, positionals, help } = parseOptions(table, argv, process.env)
  if (help) {
    print(`slipway dump-log FILE… [options]\n\n${optionsHelp(table)}`)
    return
  }
  if (positionals.length === 0) {
    throw new UsageError('no segment file was named', {
      hint: 'they lie under the data folder: broker/logs/<topic id>/<partition>/<base offset>.log',
    })
  }
  for (const path of positionals) dump(path, options)
}

function dump(path: string, { records, json }: { records: boolean; json: boolean }): void {
  for (const batch of batchesOf(path)) {
    const fields = batchFields(batch)
    print(json ? JSON.stringify({ path, ...fields }) : line(fields))
    if (!records) continue
    for (const record of recordsOf(batch, path)) {
      print(json ? JSON.stringify(recordFields(record)) : `  ${line(recordFields(record))}`)
    }
  }
}

function* batchesOf(path: string): Generator<FoundBatch> {
  const file = open(path)
  try {
    const sizeBytes = fstatSync(file).size
    for (let position = 0; position < sizeBytes;) {
      const batch = batchAt(file, position, sizeBytes, path)
      yield batch
      position += batch.header.sizeBytes
    }
  } finally {
    closeSync(file)
  }
}

function open(path: string): number {
  try {
    return openSync(path, 'r')
  } catch (error) {
    throw new OperatingError(`the file cannot be opened: ${messageOf(error)}`, { where: path })
  }
}

function batchAt(file: number, position: number, sizeBytes: number, path: string): FoundBatch {
  const left = sizeBytes - position
  if (left < batchHeaderBytes) throw torn(path, position, left)
  const head = readAt(file, position, batchHeaderBytes)
  const header = readBatchHeader(head)
  if (header.magic !== 2 || header.sizeBytes < batchHeaderBytes || header.sizeBytes > left) {
    throw torn(path, position, left)
  }
  const bytes = readAt(file, position, header.sizeBytes)
  return { position, header, bytes, isIntact: isBatchIntact(bytes, 0, header.sizeBytes) }
}

function readAt(file: number, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  readSync(file, bytes, 0, length, position)
  return bytes
}

function torn(path: string, position: number, left: number): OperatingError {
  return new OperatingError(`the last ${left} bytes are no record batch`, {
    where: `${path}@${position}`,
    hint: 'the broker cuts a torn tail when it starts; what stands before it is whole',
  })
}

function batchFields({ position, header, isIntact }: FoundBatch): Record<string, unknown> {
  return {
    position,
    sizeBytes: header.sizeBytes,
    baseOffset: header.baseOffset,
    lastOffset: header.lastOffset,
    count: header.count,
    leaderEpoch: header.leaderEpoch,
    codec: codecNames[codecOf(header)] ?? codecOf(header),
    maxTimestamp: time(header.maxTimestampMs),
    ...(header.producerId >= 0
      ? {
          producerId: header.producerId,
          producerEpoch: header.producerEpoch,
          baseSequence: header.baseSequence,
        }
      : {}),
    ...(isTransactional(header) ? { isTransactional: true } : {}),
    ...(isControl(header) ? { isControl: true } : {}),
    ...(isIntact ? {} : { crc: 'wrong' }),
  }
}

function recordsOf(batch: FoundBatch, path: string): BatchRecord[] {
  try {
    return [...batchRecords(batch.bytes)]
  } catch (error) {
    throw new OperatingError(`the records cannot be read: ${messageOf(error)}`, {
      where: `${path}@${batch.position}`,
    })
  }
}

function recordFields({ offset, timestampMs, key, value, headers }: BatchRecord) {
  return {
    offset,
    timestamp: time(timestampMs),
    key: key?.toString() ?? null,
    value: value?.toString() ?? null,
    ...(headers.length > 0
      ? { headers: headers.map((header) => `${header.key}=${header.value?.toString() ?? ''}`) }
      : {}),
  }
}

/** Times that no date can hold are shown as they are. */
function time(ms: number): string | number {
  return Number.isNaN(new Date(ms).getTime()) ? ms : isoTime(ms)
}

function line(fields: Record<string, unknown>): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ')
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

try {
  main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`slipway dump-log: ${describeError(error)}\n`)
  process.exitCode = exitCodeOf(error)
}
