// Buckets as a chart: the axis, the labels, weekends, what is provisional, the comparison behind. All tiles of History
// that run over time use it.

import type { JSX } from 'solid-js'
import { Chart } from '../../charts/chart.tsx'
import type { ChartModel, ChartSeries, Shade } from '../../charts/model.ts'
import { bucketTicks } from '../../charts/ticks.ts'
import type { Bucket, Grain, MetricAnswer } from '../../../../stack/contract/metrics/definition.ts'
import type { Stretch } from '../../parts/annotations.ts'
import { parts } from '../../parts/zone.ts'
import { longLabel, shortLabel } from './figures.ts'
import type { Questions } from './questions.ts'
import { useQuestions } from './questions.ts'

export interface BucketChartProps {
  title: string
  /** Its buckets are the axis, in its grain and zone. */
  answer: Pick<MetricAnswer, 'buckets' | 'grain' | 'zone'>
  series: ChartSeries[]
  formatY(value: number): string
  summary: string
  yMax?: number
  height?: number
  ticks?: number
  isTable: boolean
  onToggleTable(): void
  onBrush?(fromMs: number, toMs: number): void
}

export function BucketChart(props: BucketChartProps): JSX.Element {
  const questions = useQuestions()
  const model = () => bucketModel(props, questions)
  return (
    <Chart
      title={props.title}
      model={model()}
      height={props.height ?? 220}
      isTable={props.isTable}
      onToggleTable={() => props.onToggleTable()}
      {...(props.onBrush
        ? {
            onBrush: (from: number, to: number) =>
              props.onBrush?.(
                Date.parse(props.answer.buckets[from]?.from ?? ''),
                Date.parse(props.answer.buckets[to]?.to ?? ''),
              ),
          }
        : {})}
    />
  )
}

function bucketModel(props: BucketChartProps, questions: Questions): ChartModel {
  const { buckets, zone } = props.answer
  const grain = props.answer.grain ?? questions.grain()
  const provisional = buckets.findIndex((bucket) => bucket.provisional)
  // The bucket that is under way may grow although nothing in it is provisional.
  const last = questions.span().endsNow ? buckets.length - 1 : -1
  const firstOpen = provisional < 0 ? last : provisional
  return {
    x: Float64Array.from(buckets, (_, i) => i),
    // A bucket stands in the middle of its stretch, so that the last one has room for what is under way in it.
    xMin: -0.5,
    xMax: Math.max(1, buckets.length) - 0.5,
    ticks: bucketTicks(
      buckets.map((bucket) => shortLabel(Date.parse(bucket.from), grain, zone)),
      props.ticks ?? 8,
    ),
    series: props.series,
    formatY: (value) => props.formatY(value),
    ...(props.yMax === undefined ? {} : { yMax: props.yMax }),
    label: (i) => {
      const bucket = buckets[i]
      return bucket ? longLabel(bucket, grain, zone) : ''
    },
    timeOf: (i) => Date.parse(buckets[i]?.from ?? ''),
    ...(firstOpen < 0 ? {} : { provisionalFrom: firstOpen - 0.5 }),
    shades: [
      ...blank(buckets, questions.oldestMs()),
      ...weekends(buckets, grain, zone),
      ...events(buckets, questions.annotations()),
    ],
    summary: props.summary,
  }
}

function blank(buckets: readonly Bucket[], oldestMs: number | undefined): Shade[] {
  if (oldestMs === undefined) return []
  const count = buckets.filter((bucket) => Date.parse(bucket.to) <= oldestMs).length
  return count === 0
    ? []
    : [{ kind: 'blank', from: -0.5, to: count - 0.5, label: 'before the first event' }]
}

/** Where a moment lies among the buckets. */
function placeOf(buckets: readonly Bucket[], ms: number): number {
  const at = buckets.findIndex((bucket) => Date.parse(bucket.to) > ms)
  const bucket = buckets[at]
  if (!bucket) return buckets.length
  const fromMs = Date.parse(bucket.from)
  const share = Math.max(0, (ms - fromMs) / (Date.parse(bucket.to) - fromMs))
  return at + share - 0.5
}

function events(buckets: readonly Bucket[], stretches: readonly Stretch[]): Shade[] {
  return stretches.map(({ fromMs, toMs, label }) => ({
    kind: 'event',
    from: placeOf(buckets, fromMs),
    to: placeOf(buckets, toMs),
    label,
  }))
}

function weekends(buckets: readonly Bucket[], grain: Grain, zone: string): Shade[] {
  if (grain !== 'day' && grain !== 'hour') return []
  const shades: Shade[] = []
  for (const [i, bucket] of buckets.entries()) {
    if (parts(Date.parse(bucket.from), zone).weekday < 5) continue
    const last = shades.at(-1)
    if (last && last.to >= i - 0.5) last.to = i + 0.5
    else shades.push({ kind: 'weekend', from: i - 0.5, to: i + 0.5 })
  }
  return shades
}
