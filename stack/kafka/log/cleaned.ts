// How far compaction has come in a partition, in the checked file `cleaned`. It is written before anything changes on
// disk, so that recovery knows where offsets may have gaps and which files were about to become one.

import { join } from 'node:path'
import { checkedText, readChecked } from './checked-file.ts'
import type { FileLayer } from './file-layer.ts'
import { segmentName } from './segment.ts'

export interface Cleaned {
  /** Below it every key was there once, at the end of the last pass. */
  to: number
  /** Segments that begin below it may have gaps. */
  sparseBelow: number
  /** How far which pass came: from then on a tombstone's time runs. Only as many as are needed. */
  passes: { offset: number; atMs: number }[]
  /** Segments whose records go into the first of them. */
  merging: number[]
}

const fileName = 'cleaned'
const nothing: Cleaned = { to: 0, sparseBelow: 0, passes: [], merging: [] }

/** Where the file is damaged, gaps are allowed everywhere, and the next pass begins anew. */
export function readCleaned(files: FileLayer, dir: string): Cleaned {
  const path = join(dir, fileName)
  if (!files.exists(path)) return nothing
  const text = readChecked(files, path)
  if (text === undefined) return { ...nothing, sparseBelow: Number.MAX_SAFE_INTEGER }
  return JSON.parse(text) as Cleaned
}

export function saveCleaned(files: FileLayer, dir: string, cleaned: Cleaned): void {
  files.writeWhole(join(dir, fileName), checkedText(JSON.stringify(cleaned)))
  files.syncDir(dir)
}

/** The next state after a pass; passes that no tombstone waits for any more are forgotten. */
export function afterPass(
  cleaned: Cleaned,
  offset: number,
  { nowMs, deleteRetentionMs }: { nowMs: number; deleteRetentionMs: number },
): Cleaned {
  const passes = [...cleaned.passes, { offset, atMs: nowMs }]
  const due = passes.findLastIndex(({ atMs }) => atMs + deleteRetentionMs <= nowMs)
  return { ...cleaned, to: offset, passes: passes.slice(Math.max(0, due)), merging: [] }
}

/** Tombstones and markers below it have been there long enough. */
export function horizonOf({ passes }: Cleaned, nowMs: number, deleteRetentionMs: number): number {
  const due = passes.filter(({ atMs }) => atMs + deleteRetentionMs <= nowMs)
  return Math.max(0, ...due.map(({ offset }) => offset))
}

/** What a crash has left of a pass: the new file took the place of the first one, or it did not. */
export function endMerge(files: FileLayer, dir: string): void {
  const names = files.list(dir).filter((name) => name.endsWith(cleanedSuffix))
  const cleaned = readCleaned(files, dir)
  const [into, ...others] = cleaned.merging
  const isSwapped = into !== undefined && !names.includes(cleanedName(into))
  if (isSwapped) for (const base of others) removeSegment(files, dir, base)
  // Before what tells the two cases apart is gone.
  if (into !== undefined) saveCleaned(files, dir, { ...cleaned, merging: [] })
  for (const name of names) files.remove(join(dir, name))
}

export const segmentSuffixes = ['log', 'index', 'timeindex', 'aborted', 'snapshot'] as const
const cleanedSuffix = '.log.cleaned'

export function cleanedName(base: number): string {
  return segmentName(base, cleanedSuffix.slice(1))
}

function removeSegment(files: FileLayer, dir: string, base: number): void {
  // The log itself goes last: what is left behind without it is removed as an orphan.
  for (const suffix of segmentSuffixes.toReversed())
    files.remove(join(dir, segmentName(base, suffix)))
}
