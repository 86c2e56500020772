// Conversion: the closed funnel with the comparison as a ghost, its steps as a table, the rate over time, and the rate
// by device on one scale.

import type { JSX } from 'solid-js'
import { For, Show } from 'solid-js'
import type { MetricId } from '../../../../stack/contract/metrics/definition.ts'
import type { ChartSeries } from '../../charts/model.ts'
import { Delta } from '../../parts/delta.tsx'
import { count, exact, percent } from '../../parts/format.ts'
import { createTable } from '../../parts/tile.tsx'
import { BucketChart } from './bucket-chart.tsx'
import { cloudCurve } from './cloud-series.ts'
import { alignedValues, exactPrinter, valuesOf } from './figures.ts'
import { MetricTile } from './metric-tile.tsx'
import { useQuestions } from './questions.ts'
import { RankedBars } from './ranked-bars.tsx'

export function Conversion(): JSX.Element {
  return (
    <div class="grid">
      <Funnel />
      <RateOverTime />
      <RateByDevice />
      <RankedBars
        title="Sessions with a purchase, by country"
        metric="sessions_with_purchase"
        by="country"
        keyName="Country"
        class="span-4"
      />
      <RankedBars
        title="Sessions with a purchase, by channel"
        metric="sessions_with_purchase"
        by="campaign_source"
        keyName="Source"
        class="span-4"
      />
    </div>
  )
}

const steps = [
  ['sessions', 'Session'],
  ['funnel_closed_s1', 'Product viewed'],
  ['funnel_closed_s2', 'Added to cart'],
  ['funnel_closed_s3', 'Checkout begun'],
  ['funnel_closed_s4', 'Bought'],
] as const satisfies readonly (readonly [MetricId, string])[]

function Funnel(): JSX.Element {
  const questions = useQuestions()
  const now = steps.map(([id]) => questions.ask(id))
  const before = steps.map(([id]) => questions.askCompared(id))
  type Values = (i: number) => number | null
  const here: Values = (i) => now[i]?.state().data?.value ?? null
  const ghost: Values = (i) =>
    (questions.isDiff() ? now[i]?.cloud()?.value : before[i]?.state().data?.value) ?? null
  const hasGhost = () => questions.isDiff() || questions.compared() !== undefined
  const ghostWords = () =>
    hasGhost() ? `thin bar: ${questions.isDiff() ? 'cloud' : questions.against()}` : ''
  const rate = (values: Values, i: number, of: number) => {
    const [top, bottom] = [values(i), values(of)]
    return top === null || bottom === null || bottom === 0 ? null : top / bottom
  }
  const width = (values: Values, i: number) => `${(rate(values, i, 0) ?? 0) * 100}%`
  return (
    <MetricTile
      title="Funnel"
      class="span-6"
      queries={now}
      metrics={steps.map(([id]) => id)}
      says="Sessions of the range, closed and ordered: each step counts sessions that did it after the step before."
      note={ghostWords()}
    >
      {() => (
        <div class="table-fit">
          <table class="data funnel">
            <thead>
              <tr>
                <th scope="col">Step</th>
                <th scope="col">
                  <span class="visually-hidden">Share of sessions</span>
                </th>
                <th scope="col">Sessions</th>
                <th scope="col">Step rate</th>
                <th scope="col" class="if-wide">
                  Of all
                </th>
                <Show when={questions.compared()}>
                  <th scope="col" class="if-wide">
                    Change
                  </th>
                </Show>
              </tr>
            </thead>
            <tbody>
              <For each={steps}>
                {([, name], i) => (
                  <tr>
                    <th scope="row">{name}</th>
                    <td class="funnel-bars">
                      <span class="funnel-bar" style={{ width: width(here, i()) }} />
                      <Show when={hasGhost()}>
                        <span class="funnel-ghost" style={{ width: width(ghost, i()) }} />
                      </Show>
                    </td>
                    <td title={exact(here(i()))}>{count(here(i()))}</td>
                    <td>{i() === 0 ? '' : percent(rate(here, i(), i() - 1))}</td>
                    <td class="if-wide">{i() === 0 ? '' : percent(rate(here, i(), 0))}</td>
                    <Show when={questions.compared()}>
                      <td class="if-wide">
                        <Show when={i() > 0}>
                          <Delta
                            compared={{
                              value: rate(here, i(), i() - 1),
                              before: rate(ghost, i(), i() - 1),
                              n: here(i() - 1) ?? 0,
                              nBefore: ghost(i() - 1) ?? 0,
                            }}
                            against={questions.against()}
                          />
                        </Show>
                      </td>
                    </Show>
                  </tr>
                )}
              </For>
            </tbody>
          </table>
        </div>
      )}
    </MetricTile>
  )
}

function RateOverTime(): JSX.Element {
  const questions = useQuestions()
  const table = createTable()
  const grain = () => ({ grain: questions.grain() })
  const conversion = questions.ask('session_conversion_rate', grain)
  const before = questions.askCompared('session_conversion_rate', grain)
  const common = { kind: 'line', format: percent, exact: exactPrinter('ratio', '') } as const
  return (
    <MetricTile
      title="Session conversion over time"
      class="span-6"
      queries={[conversion]}
      metrics={['session_conversion_rate']}
      table={table}
      note="the last 30 minutes are immature"
    >
      {(of) => {
        const length = () => of(0).buckets.length
        const series = (): ChartSeries[] => [
          ...(questions.compared()
            ? [
                {
                  ...common,
                  id: 'before',
                  name: questions.against(),
                  color: 0,
                  isDashed: true,
                  values: alignedValues(before.state().data?.buckets, length()),
                },
              ]
            : []),
          { ...common, id: 'now', name: 'conversion', color: 1, values: valuesOf(of(0).buckets) },
          ...(questions.isDiff()
            ? [cloudCurve(conversion.cloud()?.buckets, length(), common)]
            : []),
        ]
        return (
          <BucketChart
            title="Session conversion over time"
            answer={of(0)}
            series={series()}
            formatY={percent}
            summary={`Whole range ${percent(of(0).value)} of ${count(of(0).denominator)} sessions`}
            height={210}
            ticks={7}
            isTable={table.isOn}
            onToggleTable={() => table.toggle()}
          />
        )
      }}
    </MetricTile>
  )
}

const devices = [
  ['mobile', 1],
  ['desktop', 2],
  ['tablet', 3],
] as const

function RateByDevice(): JSX.Element {
  const questions = useQuestions()
  const table = createTable()
  const split = questions.ask('session_conversion_rate', () => ({
    by: 'device',
    grain: questions.grain(),
  }))
  return (
    <MetricTile
      title="Conversion by device"
      class="span-4"
      queries={[split]}
      metrics={['session_conversion_rate']}
      table={table}
      note="one scale"
    >
      {(of) => {
        const ofDevice = (device: string) => of(0).by.find((each) => each.key === device)
        return (
          <Show when={of(0).by[0]} fallback={<p class="empty">Nothing in this range.</p>}>
            {(any) => (
              <BucketChart
                title="Conversion by device"
                answer={{ ...of(0), buckets: any().buckets }}
                series={devices.map(([device, color]) => ({
                  id: device,
                  name: device,
                  kind: 'line' as const,
                  color,
                  format: percent,
                  exact: exactPrinter('ratio', ''),
                  values: alignedValues(ofDevice(device)?.buckets, any().buckets.length),
                }))}
                formatY={percent}
                summary={devices
                  .map(([device]) => `${device} ${percent(ofDevice(device)?.value)}`)
                  .join(', ')}
                height={190}
                ticks={5}
                isTable={table.isOn}
                onToggleTable={() => table.toggle()}
              />
            )}
          </Show>
        )
      }}
    </MetricTile>
  )
}
