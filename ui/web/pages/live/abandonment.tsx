// Row C, right: cart abandonment minute by minute, with how sure the rate is and how many carts it stands on.

import type { JSX } from 'solid-js'
import { createMemo } from 'solid-js'
import { Chart } from '../../charts/chart.tsx'
import type { ChartModel, ChartSeries } from '../../charts/model.ts'
import { emptyModel } from '../../charts/model.ts'
import { timeTicks } from '../../charts/ticks.ts'
import { count, percent } from '../../parts/format.ts'
import { usePage } from '../../parts/page-context.ts'
import { createTable, Tile } from '../../parts/tile.tsx'
import { hourMinute } from '../../parts/zone.ts'
import { eventShades, lastHourAnnotations } from './annotations.ts'
import { definitions } from './definitions.ts'
import type { RatePoint } from './figures.ts'
import { abandonmentPoints, minuteMs, rateOverMin } from './figures.ts'
import { Age } from './kpis.tsx'

export function AbandonmentTrend(): JSX.Element {
  const page = usePage()
  const table = createTable()
  const annotations = lastHourAnnotations(page)
  const model = createMemo<ChartModel>(() => {
    const frame = page.live.frame()
    if (!frame) return emptyModel
    const points = abandonmentPoints(frame, page.live.rows)
    const model = modelOf(points, frame.watermarkMs, page.zone())
    const other = page.url().source === 'diff' ? page.cloudLive() : undefined
    // The cloud's newest frame decides when to look at its rows.
    if (other?.frame()) model.series.push(cloudRate(abandonmentPoints(frame, other.rows)))
    return { ...model, shades: eventShades(annotations()) }
  })
  return (
    <Tile
      title="Cart abandonment over time"
      class="span-7"
      definition={definitions.abandonmentTrend}
      table={table}
      footnote={
        <>
          last 60 min, each point over {rateOverMin} min · <Age />
        </>
      }
    >
      <Chart
        title="Cart abandonment over time"
        model={model()}
        isLive
        height={210}
        isTable={table.isOn}
        onToggleTable={() => table.toggle()}
      />
    </Tile>
  )
}

function cloudRate(points: readonly RatePoint[]): ChartSeries {
  const values = Float64Array.from(points, ({ rate }) => rate)
  return {
    id: 'cloud',
    name: 'cloud',
    kind: 'line',
    color: 4,
    isDashed: true,
    values,
    format: percent,
  }
}

function modelOf(
  points: readonly RatePoint[],
  watermarkMs: number | null,
  zone: string,
): ChartModel {
  const column = (value: (point: RatePoint) => number) => Float64Array.from(points, value)
  const x = column((point) => point.minute * minuteMs)
  const fromMs = x[0] as number
  const toMs = x[x.length - 1] as number
  const last = points[points.length - 1] as RatePoint
  return {
    x,
    xMin: fromMs - minuteMs / 2,
    xMax: toMs + minuteMs / 2,
    ticks: timeTicks(fromMs, toMs, zone),
    yMax: 1,
    formatY: (value) => `${Math.round(value * 100)} %`,
    label: (i) => hourMinute(x[i] as number, zone),
    timeOf: (i) => x[i] as number,
    provisionalFrom: watermarkMs ?? fromMs,
    series: [
      {
        id: 'closed',
        name: 'carts closed',
        kind: 'bar',
        color: 6,
        isBackground: true,
        values: column((point) => point.abandoned + point.converted),
        format: count,
      },
      {
        id: 'interval',
        name: '95 % interval',
        kind: 'band',
        color: 2,
        values: column((point) => point.low),
        upper: column((point) => point.high),
        format: percent,
      },
      {
        id: 'rate',
        name: 'abandonment rate',
        kind: 'line',
        color: 2,
        values: column((point) => point.rate),
        format: percent,
      },
    ],
    summary: Number.isNaN(last.rate)
      ? 'No cart has closed in the last 15 minutes'
      : `Last 15 minutes: ${percent(last.rate)}, between ${percent(last.low)} and ${percent(last.high)}`,
  }
}
