// Where a consumer group is to go on, as a person says it, and what that is for one partition.

import { UsageError } from '../../base/errors.ts'

export type ResetTarget =
  | { kind: 'earliest' }
  | { kind: 'latest' }
  | { kind: 'offset'; offset: number }
  | { kind: 'by'; offsets: number }
  | { kind: 'time'; timestampMs: number }

export interface PartitionSpan {
  /** Undefined where the group has committed nothing. */
  committed: number | undefined
  startOffset: number
  endOffset: number
}

/** `earliest`, `latest`, an offset, `+N` or `-N` from where the group is, or a time in RFC 3339. */
export function parseResetTarget(text: string): ResetTarget {
  if (text === 'earliest' || text === 'latest') return { kind: text }
  if (/^\d+$/.test(text)) return { kind: 'offset', offset: Number(text) }
  if (/^[+-]\d+$/.test(text)) return { kind: 'by', offsets: Number(text) }
  const timestampMs = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : NaN
  if (!Number.isNaN(timestampMs)) return { kind: 'time', timestampMs }
  throw new UsageError(`"${text}" says no place to go on`, {
    where: '--reset',
    hint: 'say earliest, latest, an offset, +100 or -100, or a time such as 2026-03-01T08:00:00Z',
  })
}

/** `offsetAtTime`: the first offset at or after the target's time. Never outside of what the partition has. */
export function resetOffset(
  target: ResetTarget,
  { committed, startOffset, endOffset }: PartitionSpan,
  offsetAtTime: number,
): number {
  const wanted = {
    earliest: () => startOffset,
    latest: () => endOffset,
    offset: () => (target as { offset: number }).offset,
    by: () => (committed ?? startOffset) + (target as { offsets: number }).offsets,
    time: () => offsetAtTime,
  }[target.kind]()
  return Math.min(Math.max(wanted, startOffset), endOffset)
}
