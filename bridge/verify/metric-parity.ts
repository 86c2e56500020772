// Every figure of the registry on both sides. History answers each with the newest `_seq` it has seen, and with the SQL text
// for BigQuery; that text is asked there as of the same `_seq`. Questions as of one number are asked together, so that BigQuery
// derives the relations once.

import type { MetricAnswer, MetricId } from '#stack/contract/metrics.ts'
import { metricIds, metrics } from '#stack/contract/metrics.ts'
import { unionAsOf } from '#stack/contract/metrics/as-of.ts'
import type { Settings } from '#stack/contract/settings.ts'
import type { BigQueryClients } from '#stack/google/bigquery.ts'
import type { HistoryClient } from '../history-client.ts'

export interface FigureParity {
  metric: MetricId
  /** Money: its currency. */
  currency: string | null
  history: Figures
  bigquery: Figures
  isEqual: boolean
}

export interface Figures {
  numerator: number
  denominator: number
}

export interface MetricQuestion {
  answer: MetricAnswer
  figures: Map<string | null, Figures>
}

/** Of a time that both sides have; money by its currency. */
export async function askHistory(
  history: HistoryClient,
  ids: readonly MetricId[] = metricIds,
  window: { from?: string; to?: string } = {},
): Promise<MetricQuestion[]> {
  const questions: MetricQuestion[] = []
  for (const id of ids) {
    const query = new URLSearchParams({
      ...window,
      ...(metrics[id].perCurrency && { by: 'currency' }),
    })
    const answer = await history.json<MetricAnswer>(`/v1/metrics/${id}?${query.toString()}`)
    const parts = metrics[id].perCurrency ? answer.by : [{ ...answer, key: null }]
    const figures = parts.map(({ key, numerator, denominator }): [string | null, Figures] => [
      key,
      { numerator, denominator: denominator ?? 0 },
    ])
    questions.push({ answer, figures: new Map(figures) })
  }
  return questions
}

interface PartRow {
  metric: MetricId
  part: 'numerator' | 'denominator'
  dimension: string | null
  amount: unknown
}

export interface Cloud {
  client: BigQueryClients['client']
  datasetId: string
  settings: Settings
  epoch: number
}

/** Neighbours of the registry mostly need the same relations. */
const togetherMax = 4

/** In groups of one `_seq`. */
export async function metricParity(
  asked: readonly MetricQuestion[],
  cloud: Cloud,
): Promise<FigureParity[]> {
  const results: FigureParity[] = []
  for (const [toSeq, group] of Map.groupBy(asked, ({ answer }) => answer.asOfSeq)) {
    for (let from = 0; from < group.length; from += togetherMax) {
      const questions = group.slice(from, from + togetherMax)
      const sql = unionAsOf(questions.map(partsOf), { epoch: cloud.epoch, toSeq }, cloud)
      const [rows] = await cloud.client.query({ query: sql })
      const byMetric = Map.groupBy(rows as PartRow[], ({ metric }) => metric)
      for (const question of questions) {
        results.push(...compared(question, byMetric.get(question.answer.id) ?? []))
      }
    }
  }
  return results
}

const partsOf = ({ answer: { id, sql } }: MetricQuestion): string =>
  `SELECT '${id}' AS metric, part, dimension, CAST(amount AS FLOAT64) AS amount FROM (${sql.bigquery}) AS each`

function compared({ answer, figures }: MetricQuestion, rows: readonly PartRow[]): FigureParity[] {
  const theirs = new Map<string | null, Figures>()
  for (const { part, dimension, amount } of rows) {
    const sums = theirs.get(dimension) ?? { numerator: 0, denominator: 0 }
    sums[part] += Number(amount ?? 0)
    theirs.set(dimension, sums)
  }
  const nothing = { numerator: 0, denominator: 0 }
  // Money of which there is none is nothing on both sides.
  const keys = new Set(
    figures.size + theirs.size === 0 ? [null] : [...figures.keys(), ...theirs.keys()],
  )
  return [...keys].map((currency) => {
    const history = figures.get(currency) ?? nothing
    const other = theirs.get(currency) ?? nothing
    const isEqual =
      history.numerator === other.numerator && history.denominator === other.denominator
    return { metric: answer.id, currency, history, bigquery: other, isEqual }
  })
}
