// Digests of two sides, hour by hour, held against each other. Pure.

export interface HourDigest {
  rows: number
  /** Of them with a `_seq` of their own. */
  seqs: number
  minSeq: number
  maxSeq: number
  sum: bigint
  xor: bigint
}

/** By hours since 1970; null for rows that have no time, as rows that were taken back. */
export type Hours = ReadonlyMap<number | null, HourDigest>

export type HourOutcome = 'missing' | 'extra' | 'different'

export interface UnequalHour {
  hour: number | null
  outcome: HourOutcome
  /** Rows of history, rows of BigQuery. */
  history: number
  bigquery: number
}

export function unequalHours(history: Hours, bigquery: Hours): UnequalHour[] {
  const hours = new Set([...history.keys(), ...bigquery.keys()])
  return [...hours]
    .sort((a, b) => (a ?? -1) - (b ?? -1))
    .flatMap((hour) => {
      const ours = history.get(hour)
      const theirs = bigquery.get(hour)
      if (areEqual(ours, theirs)) return []
      const counts = { history: ours?.rows ?? 0, bigquery: theirs?.rows ?? 0 }
      return [{ hour, outcome: outcomeOf(counts), ...counts }]
    })
}

function areEqual(a: HourDigest | undefined, b: HourDigest | undefined): boolean {
  if (!a || !b) return a === b
  return (
    a.rows === b.rows &&
    a.seqs === b.seqs &&
    a.minSeq === b.minSeq &&
    a.maxSeq === b.maxSeq &&
    a.sum === b.sum &&
    a.xor === b.xor
  )
}

function outcomeOf({ history, bigquery }: { history: number; bigquery: number }): HourOutcome {
  if (history === bigquery) return 'different'
  return history > bigquery ? 'missing' : 'extra'
}
