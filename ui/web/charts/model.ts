// A chart as data: what is drawn, what the cursor says, what the table lists, all from the same columns. Pure.

export interface ChartSeries {
  id: string
  name: string
  kind: 'line' | 'bar' | 'band'
  /** Place in the palette, from 1; 0 is the quiet colour of comparisons. */
  color: number
  /** One value per x; NaN is missing. Of a band, its lower edge. */
  values: Float64Array
  /** Upper edge of a band. */
  upper?: Float64Array
  format(value: number): string
  /** Every digit, for the table; else `format`. */
  exact?(value: number): string
  width?: number
  isDashed?: boolean
  hasArea?: boolean
  stack?: string
  /** On a scale of its own, drawn low behind the others (counts behind a rate). */
  isBackground?: boolean
  /** Drawn, but neither in legend nor table. */
  isSilent?: boolean
}

export interface Tick {
  at: number
  label: string
}

/** weekend: quiet ground; blank: no data there; event: something happened in the shop, with its name. */
export interface Shade {
  kind: 'weekend' | 'blank' | 'event'
  from: number
  to: number
  label?: string
}

export interface ChartModel {
  /** Positions on the x axis: milliseconds of a time line, or 0, 1, 2 of buckets. */
  x: Float64Array
  xMin: number
  xMax: number
  ticks: Tick[]
  series: ChartSeries[]
  /** Ticks of the y axis. */
  formatY(value: number): string
  yMax?: number
  /** What a place on the x axis is called, in full. */
  label(index: number): string
  /** The moment of a place, for the cursor that charts share; undefined where there is none. */
  timeOf?(index: number): number
  /** From this x on figures may still change. */
  provisionalFrom?: number
  /** Stretches of the x axis, in its own units. */
  shades?: Shade[]
  /** One sentence: what is to be seen. */
  summary: string
}

export const emptyModel: ChartModel = {
  x: new Float64Array(),
  xMin: 0,
  xMax: 1,
  ticks: [],
  series: [],
  formatY: String,
  label: () => '',
  summary: '',
}

export interface Scale {
  /** 0 or below. */
  min: number
  max: number
  step: number
}

/** Round ends around zero with four to six steps. */
export function niceScale(max: number, min = 0, steps = 4): Scale {
  if (!(max - min > 0)) return { min: 0, max: 1, step: 0.5 }
  const rough = (max - min) / steps
  const magnitude = 10 ** Math.floor(Math.log10(rough))
  const step =
    ([1, 2, 2.5, 5, 10].find((each) => each * magnitude >= rough * 0.999) ?? 10) * magnitude
  const end = (value: number) => Math.ceil((value / step) * 0.999) * step
  return { min: 0 - end(-min), max: end(max), step }
}

/** Grows at once, shrinks only when the smaller one has been enough for a while: the scale does not breathe. */
export class SteadyScale {
  #scale: Scale | undefined
  #smallerSinceMs: number | undefined

  next(max: number, min: number, nowMs: number): Scale {
    const wanted = niceScale(max, min)
    const known = this.#scale
    // Before there is anything to show there is no scale to hold on to.
    if (!known && !(max - min > 0)) return wanted
    if (!known || wanted.max >= known.max || wanted.min < known.min) {
      this.#smallerSinceMs = undefined
      return (this.#scale = wanted)
    }
    this.#smallerSinceMs ??= nowMs
    if (nowMs - this.#smallerSinceMs < shrinkAfterMs) return known
    this.#smallerSinceMs = undefined
    return (this.#scale = wanted)
  }
}

const shrinkAfterMs = 10_000

/** The greatest value that the left axis has to hold, stacks added up. */
export function largest(model: ChartModel): number {
  if (model.yMax !== undefined) return model.yMax
  const stacks = new Map<string, Float64Array>()
  let max = 0
  for (const series of model.series) {
    if (series.isBackground) continue
    for (const value of series.upper ?? series.values) if (value > max) max = value
    if (series.stack === undefined) continue
    const sums = stacks.get(series.stack) ?? new Float64Array(series.values.length)
    stacks.set(series.stack, sums)
    for (const [i, value] of series.values.entries())
      if (value > 0) sums[i] = (sums[i] as number) + value
  }
  for (const sums of stacks.values()) for (const value of sums) if (value > max) max = value
  return max
}

/** False where every value is missing. */
export function hasValues(model: ChartModel): boolean {
  return model.series.some(
    ({ values, isBackground }) => !isBackground && values.some((value) => !Number.isNaN(value)),
  )
}

/** The most negative one: refunds below the line. */
export function lowest(model: ChartModel): number {
  let min = 0
  for (const series of model.series) {
    if (series.isBackground) continue
    for (const value of series.values) if (value < min) min = value
  }
  return min
}

/** Which place is nearest to an x. */
export function nearest(x: Float64Array, at: number): number {
  let low = 0
  let high = x.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if ((x[middle] as number) < at) low = middle + 1
    else high = middle
  }
  const before = x[low - 1]
  return before !== undefined && at - before < (x[low] as number) - at ? low - 1 : low
}

/** What the cursor reads of a series. */
export function readAt(series: ChartSeries, index: number): string {
  const value = series.values[index]
  if (value === undefined || Number.isNaN(value)) return 'no data'
  if (!series.upper) return series.format(value)
  return `${series.format(value)} to ${series.format(series.upper[index] as number)}`
}
