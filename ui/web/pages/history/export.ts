// A file of what a tile shows, with range, zone, currency, source and time of the answer in its first lines.

import type { MetricAnswer } from '../../../../stack/contract/metrics/definition.ts'
import { csvText } from './figures.ts'

export function saveCsv(
  name: string,
  answer: MetricAnswer,
  source: string,
  content: {
    header: readonly string[]
    rows: readonly (readonly (string | number | null)[])[]
  },
): void {
  const facts = [
    ['metric', `${answer.id} (${answer.formula})`],
    ['range', `${answer.from} to ${answer.to}`],
    ['zone', answer.zone],
    ['currency', answer.currency ?? 'none'],
    ['source', `${source}, up to row ${answer.asOfSeq}`],
    ['watermark', answer.watermark ?? 'none'],
  ] as const
  const blob = new Blob([csvText(facts, content.header, content.rows)], { type: 'text/csv' })
  const url = URL.createObjectURL(blob)
  const link = document.createElement('a')
  link.href = url
  link.download = `${name}.csv`
  link.click()
  URL.revokeObjectURL(url)
}
