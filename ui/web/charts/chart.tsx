// A chart: a figure with a title for those who listen, a legend that reads the cursor, a plot, and on request the same
// numbers as a table. The cursor is ours and shared by all charts of a page through the moment it stands at.

import type { JSX } from 'solid-js'
import { createMemo, createSignal, createUniqueId, For, Show } from 'solid-js'
import type { ChartModel, ChartSeries } from './model.ts'
import { nearest, readAt } from './model.ts'
import { Plot } from './plot.tsx'
import { ChartTable } from './table.tsx'

export interface ChartProps {
  title: string
  model: ChartModel
  /** Moving data: the scale is held steady. */
  isLive?: boolean
  height?: number
  isTable: boolean
  onToggleTable(): void
  /** Enter or click on a place. */
  onChoose?(index: number): void
  /** A span was drawn with the pointer. */
  onBrush?(from: number, to: number): void
}

/** The moment under the cursor, for all charts of the page. */
const [cursorTime, setCursorTime] = createSignal<number>()

export function Chart(props: ChartProps): JSX.Element {
  const captionId = createUniqueId()
  // The caller may make the model anew at each reading; it is read often.
  const model = createMemo(() => props.model)
  const [own, setOwn] = createSignal<number>()
  const [chosen, setChosen] = createSignal(0)
  const visible = createMemo(() => model().series.filter((series) => !series.isSilent))
  const cursor = createMemo(() => {
    const index = own()
    const last = model().x.length - 1
    if (index !== undefined) return last < 0 ? undefined : Math.min(index, last)
    return sameMoment(model(), cursorTime())
  })
  const place = (index: number | undefined) => {
    setOwn(index)
    setCursorTime(index === undefined ? undefined : model().timeOf?.(index))
  }
  return (
    <figure class="chart">
      <figcaption class="visually-hidden" id={captionId}>
        {props.title}. {model().summary}
      </figcaption>
      <Legend
        series={visible()}
        at={cursor()}
        chosen={own() === undefined ? undefined : chosen()}
        label={cursor() === undefined ? '' : model().label(cursor() as number)}
      />
      <Show
        when={!props.isTable}
        fallback={<ChartTable title={props.title} model={model()} series={visible()} />}
      >
        <Plot
          {...props}
          model={model()}
          captionId={captionId}
          series={visible()}
          cursor={cursor()}
          onCursor={place}
          chosen={chosen()}
          onChoice={setChosen}
        />
      </Show>
    </figure>
  )
}

/** The place of another chart's moment, where this one has it. */
function sameMoment(model: ChartModel, time: number | undefined): number | undefined {
  const { timeOf, x } = model
  if (time === undefined || timeOf === undefined || x.length === 0) return undefined
  const times = Float64Array.from(x, (_, i) => timeOf(i))
  if (time < (times[0] as number) || time > (times[times.length - 1] as number)) return undefined
  return nearest(times, time)
}

function Legend(props: {
  series: ChartSeries[]
  at: number | undefined
  chosen: number | undefined
  label: string
}): JSX.Element {
  return (
    <div class="legend">
      <For each={props.series}>
        {(series, i) => (
          <span class="legend-item" classList={{ 'is-chosen': props.chosen === i() }}>
            <span
              class={`chip chip-${series.kind} chip-${series.color}`}
              classList={{ 'is-dashed': series.isDashed === true }}
            />
            {series.name}
            <Show when={props.at !== undefined}>
              <b>{readAt(series, props.at as number)}</b>
            </Show>
          </span>
        )}
      </For>
      <span class="legend-at">{props.label}</span>
    </div>
  )
}
