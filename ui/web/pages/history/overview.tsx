// Overview: six figures against the comparison, and the chosen one over time.

import type { JSX } from 'solid-js'
import { createSignal, For, Show } from 'solid-js'
import type { MetricAnswer, MetricId } from '../../../../stack/contract/metrics/definition.ts'
import { metrics } from '../../../../stack/contract/metrics.ts'
import { Sparkline } from '../../charts/spark.tsx'
import type { ChartSeries } from '../../charts/model.ts'
import { Delta } from '../../parts/delta.tsx'
import { ageWords } from '../../parts/format.ts'
import { usePage } from '../../parts/page-context.ts'
import type { Query } from '../../parts/query.ts'
import { createTable } from '../../parts/tile.tsx'
import { BucketChart } from './bucket-chart.tsx'
import { AgreementBadge, CloudFigure, differenceWords } from './agreement-words.tsx'
import { cloudCurve, differenceBars } from './cloud-series.ts'
import { saveCsv } from './export.ts'
import {
  alignedValues,
  axisPrinter,
  exactPrinter,
  longLabel,
  printer,
  valuesOf,
} from './figures.ts'
import { MetricTile } from './metric-tile.tsx'
import type { AskedFigure } from './questions.ts'
import { useQuestions } from './questions.ts'

const shown = [
  ['net_revenue', 'Net revenue'],
  ['orders', 'Orders'],
  ['aov', 'Average order value'],
  ['session_conversion_rate', 'Session conversion'],
  ['cart_abandonment_rate_live', 'Cart abandonment'],
  ['sessions', 'Sessions'],
] as const satisfies readonly (readonly [MetricId, string])[]

interface Pair {
  now: AskedFigure
  before: Query<MetricAnswer>
}

export function Overview(): JSX.Element {
  const questions = useQuestions()
  const grain = () => ({ grain: questions.grain() })
  const asked = new Map<MetricId, Pair>(
    shown.map(([id]) => [
      id,
      { now: questions.ask(id, grain), before: questions.askCompared(id, grain) },
    ]),
  )
  const fromLink = shown.find(([id]) => location.hash === `#${id}`)?.[0]
  const [chosen, setChosen] = createSignal<(typeof shown)[number][0]>(fromLink ?? 'net_revenue')
  return (
    <>
      <ul class="kpis of-six" aria-label="Key figures of the range">
        <For each={shown}>
          {([id, label]) => (
            <Figure
              id={id}
              label={label}
              pair={asked.get(id) as Pair}
              isChosen={chosen() === id}
              onChoose={() => setChosen(id)}
            />
          )}
        </For>
      </ul>
      <div class="grid">
        <Show when={chosen()} keyed>
          {(id) => (
            <MainChart
              id={id}
              label={shown.find(([each]) => each === id)?.[1] ?? id}
              pair={asked.get(id) as Pair}
            />
          )}
        </Show>
      </div>
    </>
  )
}

function Figure(props: {
  id: MetricId
  label: string
  pair: Pair
  isChosen: boolean
  onChoose(): void
}): JSX.Element {
  const page = usePage()
  const questions = useQuestions()
  const answer = () => props.pair.now.state().data
  const { unit } = metrics[props.id]
  const print = () => printer(unit, answer()?.currency ?? questions.currency())
  const exactly = () => exactPrinter(unit, answer()?.currency ?? questions.currency())
  const before = () => props.pair.before.state().data
  const rate = () =>
    unit === 'ratio' ? { n: answer()?.denominator ?? 0, nBefore: before()?.denominator ?? 0 } : {}
  /** What it is over, how old it is, and whether all of it stands. */
  const standing = () => {
    const known = answer()
    const { answeredMs } = props.pair.now.state()
    if (!known || answeredMs === undefined) return ''
    page.live.nowMs()
    const over = unit === 'ratio' ? [`n ${printer('count', '')(known.denominator)}`] : []
    const open = known.provisionalFrom !== null && known.provisionalFrom < known.to
    return [
      ...over,
      ageWords(Date.now() - answeredMs),
      open || page.past() ? 'partly provisional' : 'settled',
    ].join(' · ')
  }
  return (
    <li
      class="kpi"
      classList={{ 'is-chosen': props.isChosen, 'is-stale': props.pair.now.state().isPrevious }}
    >
      <button
        type="button"
        class="kpi-choice"
        aria-pressed={props.isChosen}
        onClick={() => props.onChoose()}
      >
        <span class="kpi-label">{props.label}</span>
        <span class="kpi-main">
          <span class="kpi-value" title={exactly()(answer()?.value)}>
            {print()(answer()?.value)}
          </span>
          <Sparkline values={(answer()?.buckets ?? []).map((bucket) => bucket.value ?? NaN)} />
        </span>
        <span class="kpi-sub">
          <Show when={questions.isDiff() && answer()}>
            {(known) => (
              <CloudFigure
                local={known().value}
                cloud={props.pair.now.cloud()?.value}
                print={print()}
              />
            )}
          </Show>
          <Show
            when={questions.compared() && before()}
            fallback={questions.isAway() ? '' : (props.pair.now.state().error?.message ?? '')}
          >
            {(other) => (
              <>
                <Delta
                  compared={{ value: answer()?.value ?? null, before: other().value, ...rate() }}
                  against={questions.against()}
                />
                <span>from {print()(other().value)}</span>
              </>
            )}
          </Show>
        </span>
        <span class="kpi-age">
          <Show when={questions.isDiff() && answer()} fallback={standing()}>
            <AgreementBadge figures={[props.pair.now]} print={print()} />
          </Show>
        </span>
      </button>
    </li>
  )
}

function MainChart(props: { id: MetricId; label: string; pair: Pair }): JSX.Element {
  const page = usePage()
  const questions = useQuestions()
  const table = createTable()
  const { unit } = metrics[props.id]
  const series = (answer: MetricAnswer): ChartSeries[] => {
    const currency = answer.currency ?? questions.currency()
    const common = { format: printer(unit, currency), exact: exactPrinter(unit, currency) }
    const list: ChartSeries[] = []
    if (questions.compared()) {
      const before = props.pair.before.state().data?.buckets
      list.push({
        ...common,
        id: 'before',
        name: questions.against(),
        kind: 'line',
        color: 0,
        isDashed: true,
        values: alignedValues(before, answer.buckets.length),
      })
    }
    list.push({
      ...common,
      id: 'now',
      name: props.label,
      kind: 'line',
      color: 1,
      hasArea: true,
      values: valuesOf(answer.buckets),
    })
    if (questions.isDiff()) {
      list.push(cloudCurve(props.pair.now.cloud()?.buckets, answer.buckets.length, common))
    }
    return list
  }
  const zoom = (fromMs: number, toMs: number) => {
    const isToNow = toMs >= questions.span().toMs && questions.span().endsNow
    page.change({ range: { kind: 'span', fromMs, toMs: isToNow ? 'now' : toMs }, grain: 'auto' })
  }
  const save = () => {
    const answer = props.pair.now.state().data
    if (!answer) return
    saveCsv(props.id, answer, questions.sourceWords(), {
      header: ['bucket', 'from', 'to', props.id, 'numerator', 'denominator', 'provisional'],
      rows: answer.buckets.map((bucket) => [
        longLabel(bucket, questions.grain(), questions.zone()),
        bucket.from,
        bucket.to,
        bucket.value,
        bucket.numerator,
        bucket.denominator,
        String(bucket.provisional),
      ]),
    })
  }
  return (
    <MetricTile
      title={`${props.label} by ${questions.grain()}`}
      class="span-12"
      queries={[props.pair.now]}
      metrics={[props.id]}
      table={table}
      onExport={save}
      note="draw across the chart to zoom in, u to go back"
    >
      {(of) => (
        <>
          <BucketChart
            title={`${props.label} by ${questions.grain()}`}
            answer={of(0)}
            series={series(of(0))}
            formatY={axisPrinter(unit, of(0).currency ?? questions.currency())}
            summary={summaryOf(of(0), unit, questions.currency())}
            height={280}
            ticks={12}
            isTable={table.isOn}
            onToggleTable={() => table.toggle()}
            onBrush={zoom}
          />
          <Show when={questions.isDiff() && props.pair.now.cloud()}>
            {(cloud) => (
              <DifferenceChart
                title={`${props.label}: cloud − local`}
                local={of(0)}
                cloud={cloud()}
                table={table}
              />
            )}
          </Show>
        </>
      )}
    </MetricTile>
  )
}

function DifferenceChart(props: {
  title: string
  local: MetricAnswer
  cloud: MetricAnswer
  table: { isOn: boolean; toggle(): void }
}): JSX.Element {
  const questions = useQuestions()
  const currency = () => props.local.currency ?? questions.currency()
  const print = () => printer(props.local.unit, currency())
  const bars = () => differenceBars(props.local.buckets, props.cloud.buckets, print())
  const isZero = () => bars().values.every((value) => value === 0 || Number.isNaN(value))
  return (
    <Show
      when={!isZero()}
      fallback={
        <p class="label">Cloud − local: zero in each of {props.local.buckets.length} buckets.</p>
      }
    >
      <BucketChart
        title={props.title}
        answer={props.local}
        series={[bars()]}
        formatY={axisPrinter(props.local.unit, currency())}
        summary={`Over the whole range ${differenceWords(props.local.value, props.cloud.value, print())}`}
        height={110}
        ticks={12}
        isTable={props.table.isOn}
        onToggleTable={() => props.table.toggle()}
      />
    </Show>
  )
}

function summaryOf(answer: MetricAnswer, unit: MetricAnswer['unit'], currency: string): string {
  const print = printer(unit, answer.currency ?? currency)
  const values = answer.buckets.map((bucket) => bucket.value).filter((value) => value !== null)
  if (values.length === 0) return 'No data in this range'
  return `Whole range ${print(answer.value)}, lowest ${print(Math.min(...values))}, highest ${print(Math.max(...values))}`
}
