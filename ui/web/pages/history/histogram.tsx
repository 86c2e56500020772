// A distribution over bands, as bars.

import type { JSX } from 'solid-js'
import { Chart } from '../../charts/chart.tsx'
import type { ChartModel } from '../../charts/model.ts'
import { bucketTicks } from '../../charts/ticks.ts'
import type {
  Dimension,
  MetricAnswer,
  MetricId,
} from '../../../../stack/contract/metrics/definition.ts'
import { count, exact, percent } from '../../parts/format.ts'
import { createTable } from '../../parts/tile.tsx'
import { saveCsv } from './export.ts'
import { bandLabel, inOrder } from './figures.ts'
import { MetricTile } from './metric-tile.tsx'
import { useQuestions } from './questions.ts'

export function Histogram(props: {
  title: string
  metric: MetricId
  by: Dimension
  order: readonly string[]
  /** What a bar counts. */
  counts: string
  class?: string
}): JSX.Element {
  const questions = useQuestions()
  const table = createTable()
  const answer = questions.ask(props.metric, () => ({ by: props.by }))
  const save = () => {
    const data = answer.state().data
    if (!data) return
    saveCsv(`${props.metric}-by-${props.by}`, data, questions.sourceWords(), {
      header: [props.by, props.metric],
      rows: inOrder(data.by, props.order).map((each) => [each.key, each.value]),
    })
  }
  return (
    <MetricTile
      title={props.title}
      class={props.class ?? 'span-4'}
      queries={[answer]}
      metrics={[props.metric]}
      table={table}
      onExport={save}
    >
      {(of) => (
        <Chart
          title={props.title}
          model={histogramModel(of(0), props.order, props.counts)}
          height={190}
          isTable={table.isOn}
          onToggleTable={() => table.toggle()}
        />
      )}
    </MetricTile>
  )
}

function histogramModel(
  answer: MetricAnswer,
  order: readonly string[],
  counts: string,
): ChartModel {
  const values = new Map(answer.by.map((each) => [each.key ?? 'not known', each.value ?? 0]))
  const bands = [...new Set([...order, ...values.keys()])]
  const total = [...values.values()].reduce((sum, value) => sum + value, 0)
  const column = Float64Array.from(bands, (band) => values.get(band) ?? 0)
  const share = (value: number) => (total === 0 ? '' : ` (${percent(value / total)})`)
  const most = bands[column.indexOf(Math.max(...column))] ?? ''
  return {
    x: Float64Array.from(bands, (_, i) => i),
    xMin: -0.5,
    xMax: bands.length - 0.5,
    ticks: bucketTicks(bands.map(bandLabel), bands.length),
    series: [
      {
        id: 'count',
        name: counts,
        kind: 'bar',
        color: 1,
        values: column,
        format: (value) => count(value) + share(value),
        exact,
      },
    ],
    formatY: count,
    label: (i) => bandLabel(bands[i] ?? ''),
    summary:
      total === 0
        ? 'Nothing in this range'
        : `Most often ${bandLabel(most)}, of ${count(total)} in all`,
  }
}
