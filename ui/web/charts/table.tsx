// A chart's numbers as a real table: the same columns, newest first for time lines, every digit.

import type { JSX } from 'solid-js'
import { For } from 'solid-js'
import { nothing } from '../parts/format.ts'
import type { ChartModel, ChartSeries } from './model.ts'

export function ChartTable(props: {
  title: string
  model: ChartModel
  series: ChartSeries[]
}): JSX.Element {
  const rows = () => Array.from({ length: props.model.x.length }, (_, i) => i).reverse()
  return (
    <div class="table-scroll" tabIndex={0} role="region" aria-label={`${props.title}, table`}>
      <table class="data">
        <thead>
          <tr>
            <th scope="col">Time</th>
            <For each={props.series}>{(series) => <th scope="col">{series.name}</th>}</For>
          </tr>
        </thead>
        <tbody>
          <For each={rows()}>
            {(i) => (
              <tr>
                <th scope="row">{props.model.label(i)}</th>
                <For each={props.series}>{(series) => <td>{cell(series, i)}</td>}</For>
              </tr>
            )}
          </For>
        </tbody>
      </table>
    </div>
  )
}

function cell(series: ChartSeries, index: number): string {
  const print = (value: number | undefined) =>
    value === undefined || Number.isNaN(value) ? nothing : (series.exact ?? series.format)(value)
  const value = print(series.values[index])
  return series.upper ? `${value} – ${print(series.upper[index])}` : value
}
