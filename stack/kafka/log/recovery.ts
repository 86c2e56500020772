// Opening a partition. After a clean stop everything saved is trusted. Otherwise the last segment, which alone can
// hold unsynced bytes (a segment is synced before the next one is acknowledged), is scanned batch by batch; a torn
// tail is cut and said so; indexes and producer state are built anew.

import { join } from 'node:path'
import type { Logger } from '../../base/logger.ts'
import type { FileLayer } from './file-layer.ts'
import { LeaderEpochs } from './leader-epochs.ts'
import { ProducerState } from './producer-state.ts'
import { scanSegment, Segment, segmentName } from './segment.ts'

export interface Recovered {
  segments: Segment[]
  producers: ProducerState
  epochs: LeaderEpochs
  logStartOffset: number
  logEndOffset: number
}

interface RecoveryOptions {
  name: string
  dir: string
  files: FileLayer
  logger: Logger
  cleanStart: boolean
}

export function recoverPartition(options: RecoveryOptions): Recovered {
  const { files, dir } = options
  files.makeDir(dir)
  const bases = files
    .list(dir)
    .filter((name) => name.endsWith('.log'))
    .map((name) => Number(name.slice(0, -4)))
    .sort((a, b) => a - b)
  const segments = (bases.length === 0 ? [0] : bases).map((base) => new Segment(files, dir, base))
  const producers = new Map(
    snapshotOffsets(files, dir).map((offset) => [
      offset,
      join(dir, segmentName(offset, 'snapshot')),
    ]),
  )
  let state = new ProducerState()
  let logEndOffset = 0
  segments.forEach((segment, i) => {
    const isLast = i === segments.length - 1
    const snapshot = producers.get(segment.baseOffset)
    if (snapshot !== undefined) state = ProducerState.decode(files.read(snapshot).toString())
    const isTrusted = (!isLast || options.cleanStart) && segment.loadIndex()
    if (isTrusted) logEndOffset = endOf(segment)
    else logEndOffset = rebuild(segment, state, options)
  })
  const atEnd = producers.get(logEndOffset)
  if (options.cleanStart && atEnd !== undefined)
    state = ProducerState.decode(files.read(atEnd).toString())
  const epochs = new LeaderEpochs(files, dir)
  epochs.truncate(logEndOffset)
  const first = (segments[0] as Segment).baseOffset
  return {
    segments,
    producers: state,
    epochs,
    logStartOffset: savedLogStart(files, dir, first, logEndOffset),
    logEndOffset,
  }
}

/** Returns the offset after the segment's last good batch. */
function rebuild(
  segment: Segment,
  producers: ProducerState,
  { name, logger }: RecoveryOptions,
): number {
  const fileBytes = segment.sizeBytes
  segment.reset()
  let nextOffset = segment.baseOffset
  const { goodBytes, fault } = scanSegment(segment, fileBytes, (header) => {
    segment.extend(header)
    producers.note(header, header.maxTimestampMs)
    nextOffset = header.lastOffset + 1
  })
  if (goodBytes < fileBytes) {
    segment.file.truncateSync(goodBytes)
    logger.warn(`recovery cut ${fileBytes - goodBytes} bytes of a torn tail`, {
      partition: name,
      offset: nextOffset,
      fault,
    })
  }
  return nextOffset
}

function endOf(segment: Segment): number {
  let end = segment.baseOffset
  for (const header of segment.headers(segment.positionOf(Number.MAX_SAFE_INTEGER)))
    end = header.lastOffset + 1
  return end
}

function savedLogStart(files: FileLayer, dir: string, first: number, end: number): number {
  const path = join(dir, 'log-start')
  const saved = files.exists(path) ? Number(files.read(path).toString()) : 0
  return Math.min(Math.max(saved, first), end)
}

/** The state of all producers at an offset, beside the segment that begins there. The oldest ones are dropped. */
export function saveProducers(
  files: FileLayer,
  dir: string,
  offset: number,
  producers: ProducerState,
  kept: number,
): void {
  files.writeWhole(join(dir, segmentName(offset, 'snapshot')), producers.encode())
  for (const old of snapshotOffsets(files, dir).slice(0, -kept)) {
    files.remove(join(dir, segmentName(old, 'snapshot')))
  }
}

function snapshotOffsets(files: FileLayer, dir: string): number[] {
  return files
    .list(dir)
    .filter((name) => name.endsWith('.snapshot'))
    .map((name) => Number(name.slice(0, -9)))
    .sort((a, b) => a - b)
}
