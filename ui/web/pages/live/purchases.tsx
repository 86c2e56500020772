// Row B, left: purchases per second, with a mean that is calmer in longer windows, yesterday, and the band of what is
// usual.

import type { JSX } from 'solid-js'
import { createMemo, createSignal, onCleanup, Show } from 'solid-js'
import { Chart } from '../../charts/chart.tsx'
import type { ChartModel, ChartSeries } from '../../charts/model.ts'
import { emptyModel } from '../../charts/model.ts'
import { timeTicks } from '../../charts/ticks.ts'
import { count, duration } from '../../parts/format.ts'
import { listenForKeys } from '../../parts/keys.ts'
import { usePage } from '../../parts/page-context.ts'
import { createTable, Tile } from '../../parts/tile.tsx'
import { clockTime } from '../../parts/zone.ts'
import { eventShades, lastHourAnnotations } from './annotations.ts'
import { definitions } from './definitions.ts'
import type { Examined, PurchaseColumns } from './figures.ts'
import { meanReachS, minuteMs, purchaseColumns } from './figures.ts'
import { Age } from './kpis.tsx'
import type { Usual } from './yesterday.ts'
import { earlierDays, perSecondByDay, usual } from './yesterday.ts'

export function Purchases(): JSX.Element {
  const page = usePage()
  const table = createTable()
  const [examined, setExamined] = createSignal<Examined>()
  const isLocal = page.live.source === 'local'
  // Earlier days are history's, of this machine.
  const days = earlierDays(() => (isLocal ? page.live.frame()?.nowMs : undefined))
  const annotations = lastHourAnnotations(page)
  const byDay = createMemo(() => perSecondByDay(days.map((query) => query.state().data)))
  const model = createMemo<ChartModel>(() => {
    const frame = page.live.frame()
    if (!frame) return emptyModel
    const { windowMin } = page.url()
    const columns = purchaseColumns(frame, page.live.rows, windowMin, examined())
    const past = pastColumns(columns.x, byDay())
    const other = page.url().source === 'diff' ? page.cloudLive() : undefined
    const span = examined() ?? { fromMs: columns.fromMs, toMs: columns.toMs }
    const cloud = other && purchaseColumns(frame, other.rows, windowMin, span)
    return {
      x: columns.x,
      xMin: columns.fromMs,
      xMax: columns.toMs,
      ticks: timeTicks(columns.fromMs, columns.toMs, page.zone()),
      series: [...seriesOf(columns, past, windowMin), ...(cloud ? [cloudSeries(cloud)] : [])],
      formatY: count,
      label: (i) => clockTime(columns.x[i] as number, page.zone()),
      timeOf: (i) => columns.x[i] as number,
      provisionalFrom: frame.watermarkMs ?? columns.fromMs,
      shades: eventShades(annotations()),
      summary: summaryOf(columns, windowMin, page.zone()),
    }
  })
  // A span drawn on the chart holds the page still and fills the chart; Escape goes on.
  const examine = (from: number, to: number) => {
    const { x } = model()
    setExamined({ fromMs: x[from] as number, toMs: x[to] as number })
    if (!page.live.isPaused()) page.live.togglePause()
  }
  const goOn = () => {
    if (!examined()) return
    setExamined(undefined)
    if (page.live.isPaused()) page.live.togglePause()
  }
  onCleanup(listenForKeys({ Escape: goOn }))
  const spanWords = () => {
    const span = examined()
    if (!span) return `last ${page.url().windowMin} min`
    const [from, to] = [clockTime(span.fromMs, page.zone()), clockTime(span.toMs, page.zone())]
    return `examining ${from}–${to}, Esc goes on`
  }
  return (
    <Tile
      title="Purchases per second"
      class="span-7"
      definition={definitions.purchases}
      table={table}
      tools={
        <Show when={examined()}>
          <button type="button" class="button" onClick={goOn}>
            Live again
          </button>
        </Show>
      }
      footnote={
        <>
          {spanWords()} · <Age />
        </>
      }
    >
      <Chart
        title="Purchases per second"
        model={model()}
        isLive
        height={244}
        isTable={table.isOn}
        onToggleTable={() => table.toggle()}
        onBrush={examine}
      />
    </Tile>
  )
}

function cloudSeries({ mean }: PurchaseColumns): ChartSeries {
  const format = (value: number) => `${count(value)}/s`
  return {
    id: 'cloud',
    name: 'cloud',
    kind: 'line',
    color: 4,
    isDashed: true,
    values: mean,
    format,
  }
}

interface Past {
  yesterday: Float64Array | undefined
  low: Float64Array
  high: Float64Array
  hasBand: boolean
}

function pastColumns(x: Float64Array, byDay: readonly Map<number, number>[]): Past {
  const bands = new Map<number, Usual | undefined>()
  const bandAt = (minute: number) => {
    if (!bands.has(minute)) {
      const values = byDay.map((day) => day.get(minute)).filter((value) => value !== undefined)
      bands.set(minute, usual(values))
    }
    return bands.get(minute)
  }
  const minuteAt = (ms: number) => Math.floor(ms / minuteMs) * minuteMs
  const yesterday = x.map((ms) => byDay[0]?.get(minuteAt(ms)) ?? NaN)
  const low = x.map((ms) => bandAt(minuteAt(ms))?.low ?? NaN)
  const high = x.map((ms) => bandAt(minuteAt(ms))?.high ?? NaN)
  return {
    yesterday: yesterday.some((value) => !Number.isNaN(value)) ? yesterday : undefined,
    low,
    high,
    hasBand: high.some((value) => value > 0),
  }
}

function seriesOf(columns: PurchaseColumns, past: Past, windowMin: number): ChartSeries[] {
  const format = (value: number) => `${count(value)}/s`
  const series: ChartSeries[] = []
  if (past.hasBand) {
    series.push({
      id: 'usual',
      name: 'usual',
      kind: 'band',
      color: 6,
      values: past.low,
      upper: past.high,
      format,
    })
  }
  if (past.yesterday) {
    series.push({
      id: 'yesterday',
      name: 'yesterday',
      kind: 'line',
      color: 0,
      isDashed: true,
      values: past.yesterday,
      format,
    })
  }
  series.push({
    id: 'second',
    name: windowMin > 15 ? 'each 5 s' : 'each second',
    kind: 'bar',
    color: 1,
    isBackground: true,
    values: columns.perSecond,
    format,
  })
  series.push({
    id: 'mean',
    name: `mean of ±${duration(meanReachS(windowMin) * 1000)}`,
    kind: 'line',
    color: 1,
    hasArea: true,
    values: columns.mean,
    format,
  })
  return series
}

function summaryOf(columns: PurchaseColumns, windowMin: number, zone: string): string {
  const { mean, perSecond, x } = columns
  let peakAt = 0
  let sum = 0
  for (const [i, value] of mean.entries()) {
    sum += perSecond[i] as number
    if (value > (mean[peakAt] as number)) peakAt = i
  }
  const last = mean[mean.length - 1]
  const peak = `peak ${count(mean[peakAt])} at ${clockTime(x[peakAt] ?? 0, zone)}`
  return `Last ${windowMin} minutes: now ${count(last)}, mean ${count(sum / Math.max(1, x.length))}, ${peak}`
}
