// Checkpoints of a partition, `<offset>.snapshot`: everything below the offset is written, synced and indexed, and
// this is what the producers' state was there. Recovery goes on from the newest one, so it scans only what follows.
// One is made whenever a segment is full, every so many bytes in between, and at a clean stop; two are kept.

import { join } from 'node:path'
import { checkedText, readChecked } from './checked-file.ts'
import type { FileLayer } from './file-layer.ts'
import type { StoredProducer } from './producer-state.ts'
import { segmentName } from './segment.ts'

export interface Checkpoint {
  offset: number
  /** The segment that goes on at the offset, and where in its file. */
  segment: number
  position: number
  producers: StoredProducer[]
}

const kept = 2

export function encodeCheckpoint(
  dir: string,
  checkpoint: Checkpoint,
): { path: string; text: string } {
  return {
    path: join(dir, segmentName(checkpoint.offset, 'snapshot')),
    text: checkedText(JSON.stringify({ version: 1, ...checkpoint })),
  }
}

/** The newest that is whole. */
export function loadCheckpoint(files: FileLayer, dir: string): Checkpoint | undefined {
  for (const offset of checkpointOffsets(files, dir).reverse()) {
    const text = readChecked(files, join(dir, segmentName(offset, 'snapshot')))
    if (text !== undefined) return JSON.parse(text) as Checkpoint
  }
  return undefined
}

export function removeOldCheckpoints(files: FileLayer, dir: string): void {
  for (const offset of checkpointOffsets(files, dir).slice(0, -kept))
    files.remove(join(dir, segmentName(offset, 'snapshot')))
}

/** Of files that are going to be written anew: positions in them mean nothing any more. */
export function removeCheckpointsBelow(files: FileLayer, dir: string, below: number): void {
  for (const offset of checkpointOffsets(files, dir))
    if (offset < below) files.remove(join(dir, segmentName(offset, 'snapshot')))
}

function checkpointOffsets(files: FileLayer, dir: string): number[] {
  return files
    .list(dir)
    .filter((name) => name.endsWith('.snapshot'))
    .map((name) => Number(name.slice(0, -'.snapshot'.length)))
    .sort((a, b) => a - b)
}
