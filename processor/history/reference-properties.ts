// For tests: T7 as far as history, on random worlds: from topics read in one transaction, or in small ones at random speeds, come
// the rows that the reference tells, in every table of interfaces.md 4. A failure tells its seed and shrinks.

import { array, assert, asyncProperty, constantFrom, infiniteStream, nat } from 'fast-check'
import { Random } from '#stack/base/random.ts'
import { compareBytes } from '#stack/contract/order.ts'
import { tables } from '#stack/contract/tables.ts'
import { chanceOf, copiesOf, pipelineOf, worldOf } from '../pipeline-properties.ts'
import type { Equal, Run } from '../pipeline-properties.ts'
import { randomSettings, randomWorld } from '../reference/random-world.ts'
import { memoryHistory, readTopics, tableRows } from './testing.ts'

const comparedTables = ['events', 'sessions', 'carts', 'orders', 'order_lines', 'refunds'] as const
const dayOfEvents = { minEvents: 1, maxEvents: 30, spanMinutes: 20 * 60 }

/** `isUneven`: topics in small transactions at random speeds, each of which costs as much as a large one. */
export async function historyEqualsTheFold(
  parameters: Run & { isUneven: boolean },
  equal: Equal,
): Promise<void> {
  const { isUneven } = parameters
  const holds = asyncProperty(
    randomWorld(dayOfEvents),
    randomSettings,
    constantFrom(1, 3),
    infiniteStream(nat(1_000)),
    array(nat(29), { maxLength: 5 }),
    async (log, settings, partitions, stream, twice) => {
      const next = chanceOf(stream)
      const pipeline = pipelineOf({ partitions, settings, hasRetention: false })
      pipeline.append(...[...log, ...copiesOf(log, twice)].sort(() => next(3) - 1))
      pipeline.drain({ choose: next, batchRecords: 1 + next(9) })
      await using history = await memoryHistory(settings)
      await readTopics(pipeline.log, history, isUneven ? { random: new Random(next(1_000)) } : {})
      const world = worldOf(log, settings, Infinity)
      for (const table of comparedTables) {
        const expected: readonly object[] = world[table]
        const columns = Object.keys(expected[0] ?? {})
        const found = (await tableRows(history, table)).map((row) =>
          Object.fromEntries(columns.map((column) => [column, row[column]])),
        )
        equal(byKey(found, table), byKey(expected, table))
      }
    },
  )
  await assert(holds, parameters)
}

function byKey(rows: readonly object[], table: keyof typeof tables): object[] {
  const keyOf = (row: object): string =>
    JSON.stringify(tables[table].key.map((column) => Reflect.get(row, column)))
  return rows.toSorted((a, b) => compareBytes(keyOf(a), keyOf(b)))
}
