// Revenue: gross, refunds and net over time; where it comes from; prices; new and returning people.

import type { JSX } from 'solid-js'
import type { MetricAnswer } from '../../../../stack/contract/metrics/definition.ts'
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
      {([ofGross, ofRefunds, ofNet]) => {
        const answer = ofGross as MetricAnswer
        const currency = () => answer.currency ?? questions.currency()
        const common = {
          format: (value: number) => money(value, currency()),
          exact: (value: number) => exactMoney(value, currency()),
        }
        const length = answer.buckets.length
        return (
          <BucketChart
            title="Gross, refunds and net revenue"
            buckets={answer.buckets}
            grain={questions.grain()}
            zone={questions.zone()}
            series={[
              {
                ...common,
                id: 'gross',
                name: 'gross',
                kind: 'bar',
                color: 1,
                stack: 'money',
                values: valuesOf(answer.buckets),
              },
              {
                ...common,
                id: 'refunds',
                name: 'refunds',
                kind: 'bar',
                color: 2,
                stack: 'money',
                values: alignedValues(ofRefunds?.buckets, length).map((value) => -value || 0),
              },
              {
                ...common,
                id: 'net',
                name: 'net',
                kind: 'line',
                color: 4,
                values: alignedValues(ofNet?.buckets, length),
              },
              ...(questions.isDiff()
                ? [cloudCurve(net.cloud()?.buckets, length, { ...common, name: 'net, cloud' })]
                : []),
            ]}
            formatY={(value) => axisMoney(value, currency())}
            summary={`Gross ${money(answer.value, currency())}, refunds ${money(ofRefunds?.value, currency())}, net ${money(ofNet?.value, currency())}`}
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
      {([ofNew, ofReturning]) => {
        const answer = ofNew as MetricAnswer
        const common = { kind: 'bar', stack: 'people', format: count, exact } as const
        return (
          <BucketChart
            title="New and returning people"
            buckets={answer.buckets}
            grain={grain()}
            zone={questions.zone()}
            series={[
              {
                ...common,
                id: 'returning',
                name: 'returning',
                color: 6,
                values: alignedValues(ofReturning?.buckets, answer.buckets.length),
              },
              { ...common, id: 'new', name: 'new', color: 3, values: valuesOf(answer.buckets) },
            ]}
            formatY={count}
            summary={`${count(answer.value)} new, ${count(ofReturning?.value)} returning people`}
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
