// From a chart's model to ECharts' option: columns as a dataset of typed arrays, made once; later only the dataset
// and the axes' ranges are sent. No tooltip, no legend, no animation: those are the page's own. Pure.

import type { Palette } from '../parts/palette.ts'
import type { ChartModel, ChartSeries, Scale } from './model.ts'
import { largest, lowest } from './model.ts'

export const margins = { top: 10, right: 14, bottom: 24 } as const

/** Space for the longest label of the y axis, at 11 px. */
export function leftMargin(model: ChartModel, scale: Scale): number {
  let longest = 1
  for (let value = scale.min; value <= scale.max * 1.001; value += scale.step) {
    longest = Math.max(longest, model.formatY(value).length)
  }
  return Math.round(14 + longest * 6.4)
}

/** What changes the shape of the option rather than its numbers. */
export function structureOf(model: ChartModel): string {
  return model.series
    .map((each) => {
      const { id, kind, color, stack, isDashed, isBackground } = each
      return [id, kind, color, stack, isDashed, isBackground, hasSymbols(each)].join(':')
    })
    .join(' ')
}

export function fullOption(model: ChartModel, palette: Palette, scale: Scale) {
  return {
    animation: false,
    ...changingOption(model, palette, scale),
    grid: { ...margins, left: leftMargin(model, scale), outerBoundsMode: 'none' },
    series: model.series.flatMap((series) => drawn(series, palette)),
  }
}

export function changingOption(model: ChartModel, palette: Palette, scale: Scale) {
  return {
    grid: { left: leftMargin(model, scale) },
    dataset: { source: columns(model) },
    xAxis: {
      type: 'value',
      min: model.xMin,
      max: model.xMax,
      axisLine: { show: scale.min < 0, onZero: true, lineStyle: { color: palette.hairline } },
      axisTick: { show: false },
      splitLine: { show: false },
      axisLabel: {
        customValues: model.ticks.map((tick) => tick.at),
        formatter: (value: number) => model.ticks.find((tick) => tick.at === value)?.label ?? '',
        color: palette.text3,
        fontSize: 11,
        hideOverlap: true,
        margin: 8,
      },
    },
    yAxis: [
      {
        type: 'value',
        min: scale.min,
        max: scale.max,
        interval: scale.step,
        axisLine: { show: false },
        axisTick: { show: false },
        splitLine: { lineStyle: { color: palette.grid, width: 1 } },
        axisLabel: {
          // Where there is nothing to measure the scale is made up; only its zero is true.
          formatter: (value: number) => (value !== 0 && isEmpty(model) ? '' : model.formatY(value)),
          color: palette.text3,
          fontSize: 11,
          margin: 8,
        },
      },
      { type: 'value', show: false, min: 0, max: backgroundMax(model) },
    ],
  }
}

/** More points would be a string of beads. */
const hasSymbols = ({ kind, color, values }: ChartSeries): boolean =>
  kind === 'line' && color !== 0 && values.length < 30

const isEmpty = (model: ChartModel): boolean => largest(model) === 0 && lowest(model) === 0

/** Background bars stay in the lower third. */
function backgroundMax(model: ChartModel): number {
  let max = 1
  for (const series of model.series) {
    if (series.isBackground) for (const value of series.values) if (value > max) max = value
  }
  return max * 3
}

function columns(model: ChartModel): Record<string, Float64Array> {
  const source: Record<string, Float64Array> = { x: model.x }
  for (const { id, values, upper } of model.series) {
    source[id] = values
    if (upper) source[`${id}/height`] = upper.map((value, i) => value - (values[i] as number))
  }
  return source
}

function drawn(series: ChartSeries, palette: Palette): object[] {
  const color =
    series.color === 0 ? palette.text3 : (palette.series[series.color - 1] ?? palette.text2)
  const encode = { x: 'x', y: series.id }
  const common = { id: series.id, name: series.name, encode, silent: true, animation: false }
  if (series.kind === 'band') return band(series, color, common)
  if (series.kind === 'bar') {
    return [
      {
        ...common,
        type: 'bar',
        yAxisIndex: series.isBackground ? 1 : 0,
        ...(series.stack === undefined ? {} : { stack: series.stack }),
        barCategoryGap: '20%',
        barMaxWidth: 48,
        // One path instead of hundreds of shapes.
        large: series.isBackground === true,
        largeThreshold: 200,
        itemStyle: {
          color,
          opacity: series.isBackground ? 0.28 : 1,
          borderRadius: series.stack === undefined ? [2, 2, 0, 0] : 0,
        },
      },
    ]
  }
  return [
    {
      ...common,
      type: 'line',
      showSymbol: hasSymbols(series),
      symbol: 'circle',
      symbolSize: 4,
      connectNulls: false,
      itemStyle: { color },
      lineStyle: {
        color,
        width: series.width ?? (series.color === 0 ? 1 : 2),
        type: series.isDashed ? [4, 4] : 'solid',
      },
      ...(series.hasArea ? { areaStyle: { color, opacity: 0.08 } } : {}),
    },
  ]
}

/** A band is a line nobody sees and, stacked on it, an area. */
function band(series: ChartSeries, color: string, common: object): object[] {
  const invisible = { opacity: 0 }
  const line = {
    ...common,
    type: 'line',
    stack: series.id,
    stackStrategy: 'all',
    showSymbol: false,
    lineStyle: invisible,
    itemStyle: { color },
  }
  return [
    line,
    {
      ...line,
      id: `${series.id}/height`,
      encode: { x: 'x', y: `${series.id}/height` },
      areaStyle: { color, opacity: 0.14 },
    },
  ]
}
