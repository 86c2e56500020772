// Revenue: gross, refunds and net over time; where it comes from; prices; new and returning people.

import type { JSX } from 'solid-js'
import { axisMoney, count, exact, exactMoney, money } from '../../parts/format.ts'
import { createTable } from '../../parts/tile.tsx'
import { BucketChart } from './bucket-chart.tsx'
import { cloudCurve } from './cloud-series.ts'
import { alignedValues, priceBands, valuesOf } from './figures.ts'
import { Histogram } from './histogram.tsx'
import { MetricTile } from './metric-tile.tsx'
import { useQuestions } from './questions.ts'
import { RankedBars } from './ranked-bars.tsx'

export function Revenue(): JSX.Element {
  return (
    <div class="grid">
      <MoneyOverTime />
      <NewAndReturning />
      <RankedBars title="By channel" metric="gross_revenue" by="campaign_source" keyName="Source" />
      <RankedBars title="By country" metric="gross_revenue" by="country" keyName="Country" />
      <RankedBars title="By device" metric="gross_revenue" by="device" keyName="Device" />
      <RankedBars title="By category" metric="product_revenue" by="category" keyName="Category" />
      <Histogram
        title="Units by price"
        metric="product_units"
        by="price_band"
        order={priceBands}
        counts="units sold"
        class="span-4"
      />
      <RankedBars
        title="Top products"
        metric="product_revenue"
        by="product"
        keyName="Product"
        class="span-8"
      />
    </div>
  )
}

function MoneyOverTime(): JSX.Element {
  const questions = useQuestions()
  const table = createTable()
  const grain = () => ({ grain: questions.grain() })
  const gross = questions.ask('gross_revenue', grain)
  const refunds = questions.ask('refunds', grain)
  const net = questions.ask('net_revenue', grain)
  return (
    <MetricTile
      title="Gross, refunds, net"
      class="span-8"
      queries={[gross, refunds, net]}
      metrics={['gross_revenue', 'refunds', 'net_revenue']}
      table={table}
      note="refunds at the date of the refund, below the line"
    >
      {(of) => {
        const currency = () => of(0).currency ?? questions.currency()
        const common = {
          format: (value: number) => money(value, currency()),
          exact: (value: number) => exactMoney(value, currency()),
        }
        const length = () => of(0).buckets.length
        return (
          <BucketChart
            title="Gross, refunds and net revenue"
            answer={of(0)}
            series={[
              {
                ...common,
                id: 'gross',
                name: 'gross',
                kind: 'bar',
                color: 1,
                stack: 'money',
                values: valuesOf(of(0).buckets),
              },
              {
                ...common,
                id: 'refunds',
                name: 'refunds',
                kind: 'bar',
                color: 2,
                stack: 'money',
                values: alignedValues(of(1).buckets, length()).map((value) => -value || 0),
              },
              {
                ...common,
                id: 'net',
                name: 'net',
                kind: 'line',
                color: 4,
                values: alignedValues(of(2).buckets, length()),
              },
              ...(questions.isDiff()
                ? [cloudCurve(net.cloud()?.buckets, length(), { ...common, name: 'net, cloud' })]
                : []),
            ]}
            formatY={(value) => axisMoney(value, currency())}
            summary={`Gross ${money(of(0).value, currency())}, refunds ${money(of(1).value, currency())}, net ${money(of(2).value, currency())}`}
            height={240}
            isTable={table.isOn}
            onToggleTable={() => table.toggle()}
          />
        )
      }}
    </MetricTile>
  )
}

const dayGrains = ['day', 'week', 'month'] as const

function NewAndReturning(): JSX.Element {
  const questions = useQuestions()
  const table = createTable()
  // People are counted by day at the finest.
  const grain = () => dayGrains.find((each) => each === questions.grain()) ?? 'day'
  const asked = () => ({ grain: grain() })
  const newcomers = questions.ask('new_users', asked)
  const returning = questions.ask('returning_users', asked)
  return (
    <MetricTile
      title="New and returning people"
      class="span-4"
      queries={[newcomers, returning]}
      metrics={['new_users', 'returning_users']}
      table={table}
      note={`by ${grain()}`}
    >
      {(of) => {
        const common = { kind: 'bar', stack: 'people', format: count, exact } as const
        return (
          <BucketChart
            title="New and returning people"
            answer={of(0)}
            series={[
              {
                ...common,
                id: 'returning',
                name: 'returning',
                color: 6,
                values: alignedValues(of(1).buckets, of(0).buckets.length),
              },
              { ...common, id: 'new', name: 'new', color: 3, values: valuesOf(of(0).buckets) },
            ]}
            formatY={count}
            summary={`${count(of(0).value)} new, ${count(of(1).value)} returning people`}
            height={240}
            ticks={5}
            isTable={table.isOn}
            onToggleTable={() => table.toggle()}
          />
        )
      }}
    </MetricTile>
  )
}
