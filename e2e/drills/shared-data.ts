// Real data that others published, in the folder that SLIPWAY_SHARED names: imported into a running stack as a person
// would do it, and asked for by SQL.

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { dayMs } from '#stack/base/units.ts'
import type { Stack } from '../fixtures/stack.ts'

const folder = join(process.env['SLIPWAY_SHARED'] ?? '../shared', 'data')
export const hasSharedData = existsSync(folder)
if (!hasSharedData) {
  process.stderr.write(`real data skipped: no folder ${folder} (SLIPWAY_SHARED names it)\n`)
}

export const sharedFile = (path: string): string => join(folder, path)

interface Imported {
  read: number
  events: number
  rejected: Record<string, number>
  leftOut: Record<string, number>
}

export async function importFiles(
  stack: Stack,
  paths: readonly string[],
  more: readonly string[] = [],
): Promise<Imported> {
  const where = ['--data', stack.dataDir, '--port-offset', String(stack.portOffset), '--json']
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['stack/slipway.ts', 'import', ...paths, ...where, ...more],
    { maxBuffer: 16 * 1024 * 1024 },
  )
  return JSON.parse(stdout.trim().split('\n').at(-1) as string) as Imported
}

/** Everything that can close has closed; nothing follows, so time alone does it. */
export async function closeAll(stack: Stack, limitMs: number): Promise<void> {
  await stack.settle(limitMs)
  await stack.moveClock({ advanceMs: dayMs })
  await stack.settle(limitMs)
}

type Row = Record<string, unknown>

/** What must not depend on partitions: everything but positions, order of commits and how often a row was revised;
 * and one visitor, where there is one that does not belong to it. */
export async function outcomeOf(stack: Stack, but = 'nobody'): Promise<Record<string, Row[]>> {
  const outcome: Record<string, Row[]> = {}
  for (const table of ['sessions', 'carts', 'orders', 'order_lines']) {
    const rows = await stack.rows<Row>(table)
    outcome[table] = rows.filter((row) => row['anonymous_id'] !== but).map(withoutPosition)
  }
  return outcome
}

function withoutPosition(row: Row): Row {
  const own = Object.entries(row).filter(
    ([column]) => !column.startsWith('_') && column !== 'revision',
  )
  return Object.fromEntries(own)
}

export type Cell = string | number | null

const attempts = 5

/** BIGINT comes as text. History ends a question after some seconds; on a busy machine it is asked again. */
export async function ask(stack: Stack, sql: string, attempt = 1): Promise<Cell[][]> {
  const question = { sql, limit: 1000 }
  const answer = await stack
    .post<{ rows: Cell[][]; isCut: boolean }>('history', '/v1/sql', question)
    .catch((error: unknown) => {
      if (attempt < attempts && String(error).includes('took longer')) return undefined
      throw error
    })
  if (answer === undefined) return ask(stack, sql, attempt + 1)
  if (answer.isCut) throw new Error('more rows than the test asks for')
  return answer.rows
}
