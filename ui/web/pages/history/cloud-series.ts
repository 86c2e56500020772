// The cloud's side of a chart: its curve behind history's, and what it has more in each bucket. Pure.

import type { Bucket } from '../../../../stack/contract/metrics/definition.ts'
import type { ChartSeries } from '../../charts/model.ts'
import { alignedValues } from './figures.ts'

type Print = (value: number) => string

/** Dashed and quiet, as all that history's own curve is held against. */
export function cloudCurve(
  cloud: readonly Bucket[] | undefined,
  length: number,
  { name = 'cloud', format, exact }: { name?: string; format: Print; exact: Print },
): ChartSeries {
  const values = alignedValues(cloud, length)
  return { id: name, name, kind: 'line', color: 0, isDashed: true, values, format, exact }
}

/** Where one side has no value there is no difference to show. */
export function differenceBars(
  local: readonly Bucket[],
  cloud: readonly Bucket[] | undefined,
  format: Print,
): ChartSeries {
  const theirs = alignedValues(cloud, local.length)
  const values = Float64Array.from(
    local,
    (bucket, i) => (theirs[i] as number) - (bucket.value ?? NaN),
  )
  return { id: 'difference', name: 'cloud − local', kind: 'bar', color: 2, values, format }
}
