// Opening a partition. Everything below its newest checkpoint is trusted; what follows is scanned batch by batch. A
// torn tail is cut and said so; bit rot is named and stays, so that nothing good behind it is dropped. After a clean stop the checkpoint is the end and nothing is scanned.

import { join } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import { isControl, readMarker } from '../protocol/record-batch.ts'
import { checkedText, readChecked } from './checked-file.ts'
import type { Damage, ScannedBatch } from './batch-scan.ts'
import { scanBatches } from './batch-scan.ts'
import type { Checkpoint } from './checkpoint.ts'
import { loadCheckpoint } from './checkpoint.ts'
import type { Cleaned } from './cleaned.ts'
import { endMerge, readCleaned } from './cleaned.ts'
import type { FileLayer } from './file-layer.ts'
import { LeaderEpochs, readEpochs } from './leader-epochs.ts'
import { ProducerState } from './producer-state.ts'
import { Segment } from './segment.ts'

export interface Recovered {
  segments: [Segment, ...Segment[]]
  producers: ProducerState
  epochs: LeaderEpochs
  cleaned: Cleaned
  logStartOffset: number
  logEndOffset: number
  /** Bytes that lie behind the checkpoint. */
  scannedBytes: number
}

export interface RecoveryOptions {
  name: string
  dir: string
  files: FileLayer
  clock: Clock
  logger: Logger
}

export function recoverPartition(options: RecoveryOptions): Recovered {
  const { files, dir } = options
  files.makeDir(dir)
  endMerge(files, dir)
  removeLeftovers(files, dir)
  const cleaned = readCleaned(files, dir)
  const saved = readLogStart(options)
  const segments = openSegments(files, dir, saved ?? 0)
  for (const segment of segments) segment.isSparse = segment.baseOffset < cleaned.sparseBelow
  const checkpoint = usableCheckpoint(segments, loadCheckpoint(files, dir))
  const savedEpochs = readEpochs(files, dir)
  const epochs = new LeaderEpochs(files, dir, savedEpochs ?? '')
  if (checkpoint && savedEpochs === undefined)
    segments.forEach((segment) => noteEpochs(segment, epochs))
  const recovery = new Recovery(options, trusted(segments, checkpoint, options), epochs)
  segments.forEach((segment, i) => recovery.open(segment, segments[i + 1]))
  const logEndOffset = recovery.endOffset
  epochs.truncate(logEndOffset)
  return {
    segments,
    producers: recovery.producers,
    epochs,
    cleaned,
    logStartOffset: Math.min(Math.max(saved ?? 0, segments[0].baseOffset), logEndOffset),
    logEndOffset,
    scannedBytes: recovery.scannedBytes,
  }
}

/** Stands for a partition that could not be read. */
export function nothingRecovered(files: FileLayer, dir: string): Recovered {
  return {
    segments: [new Segment(files, dir, 0)],
    producers: new ProducerState(),
    epochs: new LeaderEpochs(files, dir, ''),
    cleaned: readCleaned(files, dir),
    logStartOffset: 0,
    logEndOffset: 0,
    scannedBytes: 0,
  }
}

/** Goes through the segments in order. */
class Recovery {
  readonly producers: ProducerState
  scannedBytes = 0
  endOffset = 0
  readonly #options: RecoveryOptions
  readonly #checkpoint: Checkpoint | undefined
  readonly #epochs: LeaderEpochs

  constructor(options: RecoveryOptions, checkpoint: Checkpoint | undefined, epochs: LeaderEpochs) {
    this.#options = options
    this.#checkpoint = checkpoint
    this.#epochs = epochs
    this.producers = new ProducerState(checkpoint?.producers)
  }

  open(segment: Segment, next: Segment | undefined): void {
    const fileBytes = segment.file.sizeBytes()
    const checkpoint = this.#checkpoint
    if (checkpoint && next && next.baseOffset <= checkpoint.offset) {
      segment.trust(fileBytes)
      this.endOffset = next.baseOffset
    } else if (checkpoint?.segment === segment.baseOffset) {
      segment.trust(checkpoint.position)
      this.#scan(segment, fileBytes, checkpoint.offset, next)
    } else this.#scan(segment, fileBytes, segment.baseOffset, next)
  }

  #scan(segment: Segment, to: number, nextOffset: number, next: Segment | undefined): void {
    const from = segment.writtenBytes
    this.endOffset = nextOffset
    const nowMs = this.#options.clock.now()
    const range = { ...segment.range(from, to), lastOffset: nextOffset - 1, endsAtHole: !next }
    const { goodBytes, damages, end } = scanBatches(range, (header, position, batch) => {
      segment.wrote(header, position)
      this.#noteProducer(segment, batch, nowMs)
      this.#epochs.note(header.leaderEpoch, header.baseOffset)
      this.endOffset = header.lastOffset + 1
    })
    this.scannedBytes += to - from
    for (const damage of damages) this.#report(segment, damage)
    if (end === undefined) this.#keep(segment, to)
    else if (next) {
      // A file is whole on disk before the next one is begun: this is no torn tail.
      this.#report(segment, { from: goodBytes, to, fault: end.fault })
      this.#keep(segment, to)
    } else {
      if (end.hasGoodBehind) this.#setAside(segment, goodBytes, to)
      this.#cut(segment, goodBytes, to, end.fault)
    }
    if (next) this.endOffset = next.baseOffset
  }

  #noteProducer(segment: Segment, { header, buffer, start }: ScannedBatch, nowMs: number): void {
    const marker = isControl(header) ? readMarker(buffer, start) : undefined
    const { ended } = this.producers.note(header, nowMs, marker)
    if (!ended?.isAborted) return
    const lastStableOffset = this.producers.firstOpenOffset ?? header.lastOffset + 1
    segment.aborted.add({ ...ended, lastStableOffset })
  }

  /** What a killed process had written may not be on disk yet, and consumers are going to see it. */
  #keep(segment: Segment, bytes: number): void {
    segment.plannedBytes = segment.writtenBytes = bytes
    if (this.scannedBytes > 0) segment.file.syncSync()
  }

  /** Whole batches behind pages that were never written were not acknowledged; somebody may want to look at them. */
  #setAside(segment: Segment, from: number, to: number): void {
    const bytes = Buffer.alloc(to - from)
    segment.file.readAtSync(bytes, from)
    this.#options.files.writeWhole(segment.path(`${from}.cut`), bytes)
  }

  #cut(segment: Segment, goodBytes: number, fileBytes: number, fault: string): void {
    segment.file.truncateSync(goodBytes)
    segment.plannedBytes = segment.writtenBytes = goodBytes
    this.#options.logger.warn(`recovery cut ${fileBytes - goodBytes} bytes of a torn tail`, {
      partition: this.#options.name,
      offset: this.endOffset,
      position: goodBytes,
      fault,
    })
  }

  #report(segment: Segment, { from, to, fault }: Damage): void {
    this.#options.logger.error('the log is damaged; what is lost will not be served', {
      partition: this.#options.name,
      path: segment.path('log'),
      position: from,
      bytes: to - from,
      fault,
    })
  }
}

function openSegments(files: FileLayer, dir: string, firstBase: number): [Segment, ...Segment[]] {
  const bases = files
    .list(dir)
    .filter((name) => name.endsWith('.log'))
    .map((name) => Number(name.slice(0, -'.log'.length)))
    .sort((a, b) => a - b)
  const [first = firstBase, ...others] = bases
  const open = (base: number) => {
    const segment = new Segment(files, dir, base)
    segment.create()
    return segment
  }
  const segments: [Segment, ...Segment[]] = [open(first), ...others.map(open)]
  if (bases.length === 0) files.syncDir(dir)
  return segments
}

/** One that speaks of a file that is not there, or is shorter, belongs to another time. */
function usableCheckpoint(
  segments: readonly Segment[],
  checkpoint: Checkpoint | undefined,
): Checkpoint | undefined {
  const segment = segments.find(({ baseOffset }) => baseOffset === checkpoint?.segment)
  const isCovered = segment && checkpoint && segment.file.sizeBytes() >= checkpoint.position
  return isCovered ? checkpoint : undefined
}

/** A damaged list of aborted transactions can only be made anew from all batches, so the checkpoint is no help. */
function trusted(
  segments: readonly Segment[],
  checkpoint: Checkpoint | undefined,
  { logger, name }: RecoveryOptions,
): Checkpoint | undefined {
  if (!checkpoint) return undefined
  const damaged = segments.filter((segment) => !segment.loadAborted(checkpoint.offset))
  if (damaged.length === 0) return checkpoint
  logger.warn('a list of aborted transactions is damaged; the whole partition is looked through', {
    partition: name,
    paths: damaged.map((segment) => segment.path('aborted')),
  })
  for (const segment of segments) segment.aborted.truncate(0)
  return undefined
}

/** Without the file of epochs: every batch names its own. */
function noteEpochs(segment: Segment, epochs: LeaderEpochs): void {
  const range = {
    ...segment.range(0, segment.file.sizeBytes()),
    lastOffset: segment.baseOffset - 1,
  }
  scanBatches(range, (header) => epochs.note(header.leaderEpoch, header.baseOffset))
}

const logStartName = 'log-start'

function readLogStart({ files, dir, logger, name }: RecoveryOptions): number | undefined {
  const path = join(dir, logStartName)
  const text = readChecked(files, path)
  if (text !== undefined) return Number(text)
  if (files.exists(path)) {
    logger.error('the log start is damaged; deleted records may be there again', {
      partition: name,
      path,
    })
  }
  return undefined
}

/** Durable before it returns. */
export function saveLogStart(files: FileLayer, dir: string, offset: number): void {
  files.writeWhole(join(dir, logStartName), checkedText(String(offset)))
  files.syncDir(dir)
}

/** Of writes and removals that a crash cut short. */
function removeLeftovers(files: FileLayer, dir: string): void {
  const names = new Set(files.list(dir))
  for (const name of names) {
    const isIndex = ['.index', '.timeindex', '.aborted'].some((suffix) => name.endsWith(suffix))
    const isOrphan = isIndex && !names.has(`${name.slice(0, name.indexOf('.'))}.log`)
    if (name.endsWith('.tmp') || isOrphan) files.remove(join(dir, name))
  }
}
