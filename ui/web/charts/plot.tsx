// The plot of a chart: canvas, overlay, keys and pointer. ECharts is loaded when the first plot comes into view; the
// option is made once, later only numbers are sent; off screen and in a hidden page nothing is drawn.
//
//   ← →  one place   Shift  ten   Home End   ↑ ↓  series   Enter  choose   T  table   Esc  no cursor

import type { EChartsType } from 'echarts/core'
import type { JSX } from 'solid-js'
import { createEffect, createMemo, createSignal, For, on, onCleanup, onMount, Show } from 'solid-js'
import { say } from '../parts/announce.ts'
import { palette, theme } from '../parts/theme.ts'
import type { ChartProps } from './chart.tsx'
import type { ChartModel, ChartSeries, Scale } from './model.ts'
import { hasValues, largest, lowest, nearest, niceScale, readAt, SteadyScale } from './model.ts'
import { changingOption, fullOption, leftMargin, margins, structureOf } from './option.ts'

export interface PlotProps extends ChartProps {
  captionId: string
  series: ChartSeries[]
  cursor: number | undefined
  onCursor(index: number | undefined): void
  chosen: number
  onChoice(series: number): void
}

const defaultHeight = 200
/** Charts this near to the screen are made, so that they are there when one scrolls to them. */
const nearMargin = '2000px 0px'
/** A narrower stretch has no room for its name. */
const labelLeastPx = 80

export function Plot(props: PlotProps): JSX.Element {
  const [size, setSize] = createSignal({ width: 0, height: 0 })
  const [brush, setBrush] = createSignal<{ from: number; to: number }>()
  const steady = new SteadyScale()
  const scale = createMemo<Scale>(() => {
    const [max, min] = [largest(props.model), lowest(props.model)]
    return props.isLive ? steady.next(max, min, performance.now()) : niceScale(max, min)
  })
  const left = () => leftMargin(props.model, scale())
  const plotWidth = () => Math.max(1, size().width - left() - margins.right)
  const pixel = (x: number) =>
    left() + ((x - props.model.xMin) / (props.model.xMax - props.model.xMin)) * plotWidth()
  const indexAt = (clientX: number) => {
    const { xMin, xMax, x } = props.model
    const offset = clientX - host.getBoundingClientRect().left - left()
    return nearest(x, xMin + (offset / plotWidth()) * (xMax - xMin))
  }

  let host!: HTMLDivElement
  let canvas!: HTMLDivElement
  onMount(() => drawOn({ host, canvas, props, scale, setSize }))

  let brushFrom: number | undefined
  const endBrush = () => {
    brushFrom = undefined
    setBrush(undefined)
  }
  const onPointerDown = (event: PointerEvent) => {
    if (props.onBrush && event.pointerType === 'mouse') brushFrom = indexAt(event.clientX)
  }
  const onPointerMove = (event: PointerEvent) => {
    if (props.model.x.length === 0) return
    const index = indexAt(event.clientX)
    props.onCursor(index)
    if (brushFrom !== undefined && index !== brushFrom) {
      setBrush({ from: Math.min(brushFrom, index), to: Math.max(brushFrom, index) })
    }
  }
  const onPointerUp = (event: PointerEvent) => {
    const drawn = brush()
    if (drawn) props.onBrush?.(drawn.from, drawn.to)
    else if (event.pointerType === 'mouse') props.onChoose?.(indexAt(event.clientX))
    endBrush()
  }
  return (
    <div
      class="chart-host"
      ref={(element) => (host = element)}
      style={{ 'min-height': `${props.height ?? defaultHeight}px` }}
      tabIndex={0}
      role="img"
      aria-labelledby={props.captionId}
      aria-keyshortcuts="ArrowLeft ArrowRight T"
      onKeyDown={(event) => onKey(event, props)}
      onBlur={() => props.onCursor(undefined)}
      onPointerDown={onPointerDown}
      onPointerMove={onPointerMove}
      onPointerUp={onPointerUp}
      onPointerLeave={() => {
        props.onCursor(undefined)
        endBrush()
      }}
    >
      <div class="chart-canvas" ref={(element) => (canvas = element)} />
      <Show when={size().width > 0}>
        <Overlay
          model={props.model}
          pixel={pixel}
          cursor={props.cursor}
          brush={brush()}
          right={size().width - margins.right}
        />
      </Show>
    </div>
  )
}

function onKey(event: KeyboardEvent, props: PlotProps): void {
  if (event.ctrlKey || event.metaKey || event.altKey) return
  // Escape also means something to the page, so it goes on from here.
  if (event.key === 'Escape') props.onCursor(undefined)
  const last = props.model.x.length - 1
  const at = props.cursor ?? last
  const by = event.shiftKey ? 10 : 1
  const count = props.series.length
  const speak = (index: number, which: number) => {
    const series = props.series[which]
    if (series) say(`${props.model.label(index)}: ${series.name} ${readAt(series, index)}`)
  }
  const move = (index: number) => {
    const to = Math.max(0, Math.min(last, index))
    props.onCursor(to)
    speak(to, props.chosen)
  }
  const choose = (which: number) => {
    props.onCursor(at)
    props.onChoice(which)
    speak(at, which)
  }
  const keys: Record<string, () => void> = {
    ArrowLeft: () => move(at - by),
    ArrowRight: () => move(at + by),
    Home: () => move(0),
    End: () => move(last),
    ArrowUp: () => choose((props.chosen + count - 1) % count),
    ArrowDown: () => choose((props.chosen + 1) % count),
    Enter: () => props.onChoose?.(at),
    t: () => props.onToggleTable(),
  }
  const run = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key]
  if (!run || (last < 0 && event.key !== 't')) return
  event.preventDefault()
  event.stopPropagation()
  run()
}

function Overlay(props: {
  model: ChartModel
  pixel(x: number): number
  cursor: number | undefined
  brush: { from: number; to: number } | undefined
  right: number
}): JSX.Element {
  const x = (index: number) => props.pixel(props.model.x[index] as number)
  const provisional = () => {
    const from = props.model.provisionalFrom
    if (from === undefined || from >= props.model.xMax) return undefined
    const left = props.pixel(Math.max(from, props.model.xMin))
    return { left: `${left}px`, width: `${Math.max(0, props.right - left)}px` }
  }
  const shades = () => {
    const { xMin, xMax } = props.model
    return (props.model.shades ?? [])
      .filter(({ from, to }) => to > xMin && from < xMax)
      .map(({ kind, label, from, to }) => {
        const left = props.pixel(Math.max(from, xMin))
        return { kind, label, left, width: props.pixel(Math.min(to, xMax)) - left }
      })
  }
  return (
    <div class="chart-overlay" aria-hidden="true">
      <Show when={provisional()}>
        {(style) => <div class="veil" style={style()} title="provisional" />}
      </Show>
      <For each={shades()}>
        {(shade) => (
          <div
            class={`shade is-${shade.kind}`}
            style={{ left: `${shade.left}px`, width: `${shade.width}px` }}
          >
            <Show when={shade.width > labelLeastPx}>
              <span>{shade.label}</span>
            </Show>
          </div>
        )}
      </For>
      <Show when={!hasValues(props.model)}>
        <p class="chart-nothing">No data in this window</p>
      </Show>
      <Show when={props.brush}>
        {(brush) => (
          <div
            class="brush"
            style={{
              left: `${x(brush().from)}px`,
              width: `${x(brush().to) - x(brush().from)}px`,
            }}
          />
        )}
      </Show>
      <Show when={props.cursor !== undefined && props.cursor < props.model.x.length}>
        <div class="cursor" style={{ left: `${x(props.cursor as number)}px` }} />
      </Show>
    </div>
  )
}

interface Drawing {
  host: HTMLDivElement
  canvas: HTMLDivElement
  props: PlotProps
  scale(): Scale
  setSize(size: { width: number; height: number }): void
}

/** Draws while the host is on screen; the option is made once, later only numbers are sent. */
function drawOn({ host, canvas, props, scale, setSize }: Drawing): void {
  let chart: EChartsType | undefined
  let structure: string | undefined
  let isOnScreen = false
  let isNear = false
  let isGone = false

  const draw = () => {
    // The first picture is drawn ahead; after it only what is seen, or near and at rest.
    const isWatched = isOnScreen || (isNear && props.isLive !== true)
    if (!chart || (!isWatched && structure !== undefined) || document.hidden) return
    const { model } = props
    const shape = `${theme()} ${structureOf(model)}`
    if (shape !== structure) {
      structure = shape
      chart.setOption(fullOption(model, palette(), scale()), {
        replaceMerge: ['dataset', 'series', 'xAxis', 'yAxis'],
        silent: true,
      })
    } else {
      chart.setOption(changingOption(model, palette(), scale()), {
        // Merged, columns would keep the length of the first ones.
        replaceMerge: ['dataset'],
        lazyUpdate: true,
        silent: true,
      })
    }
  }
  const open = async () => {
    const { init } = await import('./echarts.ts')
    const { width, height } = host.getBoundingClientRect()
    // Without a place in the layout there is nothing to draw on yet; its size will be told.
    if (isGone || chart || width === 0) return
    chart = init(canvas, null, { renderer: 'canvas', width, height })
    draw()
  }
  const near = new IntersectionObserver(
    ([entry]) => {
      isNear = entry?.isIntersecting === true
      if (!isNear) return
      if (chart) draw()
      else void open()
    },
    { rootMargin: nearMargin },
  )
  const seen = new IntersectionObserver(([entry]) => {
    isOnScreen = entry?.isIntersecting === true
    if (isOnScreen) draw()
  })
  const resized = new ResizeObserver(() => {
    const { width, height } = host.getBoundingClientRect()
    setSize({ width, height })
    if (chart) chart.resize({ width, height })
    else if (isNear) void open()
  })
  near.observe(host)
  seen.observe(host)
  resized.observe(host)
  document.addEventListener('visibilitychange', draw)
  createEffect(on([() => props.model, scale, theme], draw))
  onCleanup(() => {
    isGone = true
    near.disconnect()
    seen.disconnect()
    resized.disconnect()
    document.removeEventListener('visibilitychange', draw)
    chart?.dispose()
  })
}
