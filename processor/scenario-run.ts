// For tests: a scenario's events through the local pipeline, and its tables compared as the scenarios' README says: each
// expected row, given by the columns that matter, is found once, and none is left over.

import type { ShopEvent } from '#stack/contract/events.ts'
import { LocalPipeline } from './local-pipeline.ts'
import type { LocalPipelineOptions, Reading } from './local-pipeline.ts'
import type { Columns, Scenario } from './scenario-data.ts'

export interface Run extends Reading {
  partitions?: number
  hasRetention?: boolean
  /** The watermark follows the clock of receipt, as it does in quiet partitions (T2); else it stands until the end. */
  isLive?: boolean
}

export function runScenario(
  scenario: Scenario,
  log: readonly ShopEvent[],
  run: Run = {},
): LocalPipeline {
  const options: LocalPipelineOptions = {
    settings: scenario.settings,
    catalogue: scenario.catalogue,
    partitions: run.partitions ?? 1,
    hasRetention: run.hasRetention ?? true,
    watermark: 'byHand',
    ...(scenario.watermarkMs === undefined ? {} : { watermarkLimitMs: scenario.watermarkMs }),
  }
  const pipeline = new LocalPipeline(options)
  for (const event of log) {
    if (run.isLive === true) {
      pipeline.advanceTo(Date.parse(event.receivedAt) - scenario.settings.watermarkDelayMs, run)
    }
    pipeline.append(event)
    if (run.isLive === true) pipeline.run(run)
  }
  pipeline.drain(run)
  return pipeline
}

/** The tables that stage one and two make, with the columns that scenarios name. */
export function tablesOf(pipeline: LocalPipeline): Record<string, Columns[]> {
  const { events, rejected, sessions, carts } = pipeline.tables()
  return {
    events: events.map((event) => ({
      ...snakeCased(event),
      flags: event.flags ?? [],
      is_bot: event.flags?.includes('bot') ?? false,
      is_too_late: event.flags?.includes('tooLate') ?? false,
      session_key: event.session?.key ?? null,
    })),
    rejected_events: rejected.map(snakeCased),
    sessions: sessions.map(snakeCased),
    carts: carts.map(snakeCased),
  }
}

export interface Mismatch {
  table: string
  missing: Columns[]
  unexpected: Columns[]
}

export function mismatchesOf(
  scenario: Scenario,
  tables: Readonly<Record<string, readonly Columns[]>>,
): Mismatch[] {
  return Object.entries(scenario.tables).flatMap(([table, expected]) => {
    const rows = tables[table]
    if (rows === undefined) return []
    const unexpected = [...rows]
    const missing = expected.filter((columns) => {
      const found = unexpected.findIndex((row) => holds(row, columns))
      if (found >= 0) unexpected.splice(found, 1)
      return found < 0
    })
    return missing.length + unexpected.length === 0 ? [] : [{ table, missing, unexpected }]
  })
}

function holds(row: Columns, columns: Columns): boolean {
  return Object.entries(columns).every(
    ([column, value]) => column in row && JSON.stringify(row[column]) === JSON.stringify(value),
  )
}

/** A record's fields as the columns of its row. */
export function snakeCased(row: object): Columns {
  return Object.fromEntries(
    Object.entries(row).map(([field, value]) => [
      field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value,
    ]),
  )
}
