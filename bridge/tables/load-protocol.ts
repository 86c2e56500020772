// How rows get into BigQuery once and no more by load jobs (gcp.md 5.3), as pure functions. A job appends its whole file or
// nothing, and its id is taken once, whatever becomes of it: the same file goes under the same id however often it is sent.
//
//   load ──insert──► loaded ─► load …                     all is well
//     │
//     ├─ 409, no answer, or another life: the job is asked for by its id
//     │    done     loaded, if it has as many rows as were meant; the table is asked where not
//     │    running  looked at again later
//     │    absent   the same file under the same id
//     └─ failed     nothing was appended: the same file as `…_r1`, `…_r2`; where rows were refused: not-loaded, and a
//                   new file without them
//
// One job of a table is under way at a time. The file is kept until it is known what became of the job.

import type { Alarm, Fact, Load, TableAnswer } from './protocol.ts'

export type JobAnswer =
  | { kind: 'done'; rows: number | null }
  | { kind: 'running' }
  /** No such job, or not yet. */
  | { kind: 'absent' }
  | { kind: 'failed'; reason: string; messages: readonly string[] }

export interface RefusedRow {
  /** Of its first byte in the file. */
  position: number
  message: string
}

export type LoadVerdict =
  | { verdict: 'loaded' }
  | { verdict: 'wait' }
  /** The same file under the same id. */
  | { verdict: 'insert'; reason: string }
  /** The same file under the next id, after a pause. */
  | { verdict: 'anew'; reason: string }
  /** Some rows never can; those that are named, or it has to be found out which. */
  | { verdict: 'refused'; rows: RefusedRow[]; reason: string }
  | { verdict: 'ask the table' }

export function loadVerdict(load: Load, answer: JobAnswer): LoadVerdict {
  switch (answer.kind) {
    case 'done':
      return { verdict: answer.rows === load.rows ? 'loaded' : 'ask the table' }
    case 'running':
      return { verdict: 'wait' }
    case 'absent':
      return { verdict: 'insert', reason: 'there is no such job' }
    case 'failed': {
      const reason = `${answer.messages[0] ?? 'the load failed'} (${answer.reason})`
      if (answer.reason !== 'invalid') return { verdict: 'anew', reason }
      return { verdict: 'refused', rows: refusedRows(answer.messages), reason }
    }
  }
}

/** `… in row starting at position 4711: what is wrong`: how BigQuery names a row of newline-delimited JSON. */
function refusedRows(messages: readonly string[]): RefusedRow[] {
  const rows = new Map<number, string>()
  for (const message of messages) {
    const [, at, what = ''] = /row starting at position (\d+): *(.*)/s.exec(message) ?? []
    if (at !== undefined && !rows.has(Number(at))) rows.set(Number(at), what)
  }
  return [...rows].map(([position, message]) => ({ position, message }))
}

/** The job has another number of rows than were meant, and the table was asked for the range of the load. */
export function afterAskingForLoad(load: Load, { rows }: TableAnswer): Fact[] | Alarm {
  if (rows === load.rows) return [{ fact: 'loaded' }]
  // The file was gone, and an empty one has taken its id.
  if (rows === 0) return [{ fact: 'not-loaded' }]
  const { seqFrom, seqTo } = load
  return {
    alarm: `of the ${load.rows} rows from _seq ${seqFrom} to ${seqTo} the table holds ${rows}`,
  }
}

/** Deterministic: whoever means the same rows in the same bytes means the same job. */
export function loadId(
  tableId: string,
  { seqFrom, seqTo }: Pick<Load, 'seqFrom' | 'seqTo'>,
  digest: string,
): string {
  return `${loadPrefix(tableId)}${seqFrom}_${seqTo}_${digest.slice(0, 8)}`
}

/** Of the ids of all loads into tables of this name. */
export function loadPrefix(tableId: string): string {
  return `lb_${tableId}_`
}

export function jobIdOf({ id, retry }: Pick<Load, 'id' | 'retry'>): string {
  return retry === 0 ? id : `${id}_r${retry}`
}
