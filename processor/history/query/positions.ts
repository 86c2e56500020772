// GET /v1/positions: what became of everything that was received, and how far history has read. `received` comes from
// the broker's end offsets, never from adding up outcomes; so a record that was lost on the way shows.

import { isoTime } from '#stack/base/units.ts'
import { topics } from '#stack/contract/topics.ts'
import { historyTopics } from '../batch.ts'
import type { HistoryService } from '../service.ts'

export interface PositionsAnswer {
  epoch: number
  maxSeq: number
  totals: {
    /** Positions of `ecommerce-events` that are events, or should be. */
    received: number
    enriched: number
    rejected: number
    duplicate: number
    late: number
  }
  /** What the collector itself refused; never on the topic of events. */
  refusedByCollector: number
  inputs: {
    partition: number
    endOffset: number
    /** Every offset below has its outcome. */
    completeTo: number
    enriched: number
    rejected: number
    duplicate: number
    /** Records that end a load of past traffic; they are no events. */
    loadEnd: number
  }[]
  partitions: {
    topic: string
    partition: number
    endOffset: number
    fetched: number
    committed: number
  }[]
  /** Overall, and the newest event time per partition of the input. */
  watermarks: { history: string | null; newestEvent: Record<string, string | null> }
}

export async function answerPositions(service: HistoryService): Promise<PositionsAnswer> {
  const { history, admin } = service
  const [ends, partitions] = await Promise.all([
    admin.endOffsets(topics.events.name),
    partitionsOf(service),
  ])
  const { outcomes, lastSeq, refusedByCollector } = history.state
  const sum = (pick: (of: (typeof outcomes)[number]) => number) =>
    outcomes.reduce((total, of) => total + pick(of), 0)
  const loadEnds = sum(({ loadEnd }) => loadEnd)
  const received = ends.reduce((total, end) => total + end, 0) - loadEnds
  const inputs = ends.map((endOffset, partition) => {
    const known = outcomes.find((of) => of.partition === partition)
    const { completeTo = 0, enriched = 0, rejected = 0, duplicate = 0, loadEnd = 0 } = known ?? {}
    return { partition, endOffset, completeTo, enriched, rejected, duplicate, loadEnd }
  })
  const iso = (ms: number | null) => (ms === null ? null : isoTime(ms))
  return {
    epoch: history.epoch,
    maxSeq: lastSeq,
    totals: {
      received,
      enriched: sum(({ enriched }) => enriched),
      rejected: sum(({ rejected }) => rejected),
      duplicate: sum(({ duplicate }) => duplicate),
      late: sum(({ late }) => late),
    },
    refusedByCollector,
    inputs,
    partitions,
    watermarks: {
      history: iso(service.watermarkMs()),
      newestEvent: Object.fromEntries(
        outcomes.map(({ partition, maxEventMs }) => [String(partition), iso(maxEventMs)]),
      ),
    },
  }
}

async function partitionsOf(service: HistoryService): Promise<PositionsAnswer['partitions']> {
  const lists = await Promise.all(
    historyTopics.map(async (topic) => {
      const ends = await service.admin.endOffsets(topic)
      return ends.map((endOffset, partition) => {
        const known = service.history.state.positions.get(`${topic}-${partition}`)?.offset ?? 0
        const fetched = service.fetched({ topic, partition }) ?? known
        return { topic, partition, endOffset, fetched: Math.max(fetched, known), committed: known }
      })
    }),
  )
  return lists.flat()
}
