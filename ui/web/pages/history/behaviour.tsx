// Behaviour: when in the week people come and buy, how long sessions last, how much happens in them.

import type { JSX } from 'solid-js'
import { createMemo, createSignal, For } from 'solid-js'
import type { MetricId } from '../../../../stack/contract/metrics/definition.ts'
import { say } from '../../parts/announce.ts'
import { count } from '../../parts/format.ts'
import { weekdayNames } from '../../parts/zone.ts'
import { saveCsv } from './export.ts'
import type { HeatCell } from './figures.ts'
import { darkestFrom, durationBands, eventBands, heatCells } from './figures.ts'
import { Histogram } from './histogram.tsx'
import { MetricTile } from './metric-tile.tsx'
import { useQuestions } from './questions.ts'

export function Behaviour(): JSX.Element {
  return (
    <div class="grid">
      <HeatMap />
      <Histogram
        title="Session length"
        metric="sessions"
        by="duration_band"
        order={durationBands}
        counts="sessions"
        class="span-6"
      />
      <Histogram
        title="Events per session"
        metric="sessions"
        by="event_band"
        order={eventBands}
        counts="sessions"
        class="span-6"
      />
    </div>
  )
}

const choices = [
  ['sessions', 'Sessions'],
  ['orders', 'Orders'],
] as const satisfies readonly (readonly [MetricId, string])[]
/** Hourly buckets that history answers at most with. */
const hoursMax = 90 * 24
const hourMs = 3_600_000
const levels = 7

function HeatMap(): JSX.Element {
  const questions = useQuestions()
  const [metric, setMetric] = createSignal<(typeof choices)[number][0]>('sessions')
  const fromMs = () => Math.max(questions.span().fromMs, questions.span().toMs - hoursMax * hourMs)
  const answer = questions.ask(metric, () => ({
    grain: 'hour',
    span: { ...questions.span(), fromMs: fromMs() },
  }))
  const cells = createMemo(() => {
    const buckets = answer.state().data?.buckets ?? []
    return heatCells(buckets, questions.zone(), questions.span().toMs)
  })
  const save = () => {
    const data = answer.state().data
    if (!data) return
    saveCsv(`${metric()}-by-hour-of-week`, data, questions.sourceWords(), {
      header: ['weekday', 'hour', 'sum', 'hours', 'per hour'],
      rows: cells().flatMap((row, weekday) =>
        row.map((cell, hour) => [
          weekdayNames[weekday] ?? '',
          hour,
          cell.sum,
          cell.hours,
          cell.hours > 0 ? cell.sum / cell.hours : null,
        ]),
      ),
    })
  }
  return (
    <MetricTile
      title="Hour by weekday"
      class="span-12"
      queries={[answer]}
      metrics={[metric()]}
      onExport={save}
      says="Mean per hour of each hour of the week in the range; hours that are not over count by the part that has passed."
      note={`mean per hour, in ${questions.zone()}${questions.span().fromMs < fromMs() ? ', last 90 days of the range' : ''}`}
      tools={
        <div class="chips" role="group" aria-label="Metric of the heat map">
          <For each={choices}>
            {([id, label]) => (
              <button type="button" aria-pressed={metric() === id} onClick={() => setMetric(id)}>
                {label}
              </button>
            )}
          </For>
        </div>
      }
    >
      {() => (
        <HeatTable cells={cells()} what={choices.find(([id]) => id === metric())?.[1] ?? ''} />
      )}
    </MetricTile>
  )
}

const perHour = (cell: HeatCell | undefined): number | null =>
  cell && cell.hours > 0 ? cell.sum / cell.hours : null

/** A cell has room for three characters. */
const short = (value: number | null): string =>
  value === null ? '' : count(value >= 10 ? Math.round(value) : Math.round(value * 10) / 10)

/** A table in which one cell has the focus; arrow keys move it, and what it holds is read out. */
function HeatTable(props: { cells: HeatCell[][]; what: string }): JSX.Element {
  const [at, setAt] = createSignal({ weekday: 0, hour: 0 })
  const darkest = createMemo(() =>
    darkestFrom(props.cells.flat().map((cell) => perHour(cell) ?? 0)),
  )
  const level = (cell: HeatCell | undefined) => {
    const value = perHour(cell)
    if (value === null) return 'none'
    return value === 0 ? 0 : Math.min(levels, Math.ceil((value / darkest()) * levels))
  }
  let table!: HTMLTableElement
  const move = (event: KeyboardEvent) => {
    const by: Record<string, readonly [number, number]> = {
      ArrowLeft: [0, -1],
      ArrowRight: [0, 1],
      ArrowUp: [-1, 0],
      ArrowDown: [1, 0],
    }
    const step = by[event.key]
    if (!step) return
    event.preventDefault()
    const weekday = (at().weekday + step[0] + 7) % 7
    const hour = (at().hour + step[1] + 24) % 24
    setAt({ weekday, hour })
    table.querySelector<HTMLElement>(`[data-at="${weekday}-${hour}"]`)?.focus()
    const value = perHour(props.cells[weekday]?.[hour])
    say(`${weekdayNames[weekday]} ${hour}:00: ${count(value)} ${props.what} per hour`)
  }
  return (
    <div class="table-fit">
      <table class="heat" ref={(element) => (table = element)} onKeyDown={move}>
        <caption class="visually-hidden">
          {props.what} per hour by weekday and hour; arrow keys move between cells
        </caption>
        <thead>
          <tr>
            <td />
            <For each={Array.from({ length: 24 }, (_, hour) => hour)}>
              {(hour) => <th scope="col">{String(hour).padStart(2, '0')}</th>}
            </For>
          </tr>
        </thead>
        <tbody>
          <For each={weekdayNames}>
            {(name, weekday) => (
              <tr>
                <th scope="row">{name}</th>
                <For each={props.cells[weekday()] ?? []}>
                  {(cell, hour) => (
                    <td
                      class={`heat-${level(cell)}`}
                      data-at={`${weekday()}-${hour()}`}
                      tabIndex={at().weekday === weekday() && at().hour === hour() ? 0 : -1}
                      title={`${name} ${hour()}:00 · ${count(perHour(cell))} per hour`}
                      onFocus={() => setAt({ weekday: weekday(), hour: hour() })}
                    >
                      {short(perHour(cell))}
                    </td>
                  )}
                </For>
              </tr>
            )}
          </For>
        </tbody>
      </table>
    </div>
  )
}
