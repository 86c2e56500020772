// A line without axes beside a figure: an SVG path, no chart instance. It shows shape only, so it is hidden from
// assistive technology; the tile's figures say what counts.

import type { JSX } from 'solid-js'
import { Show } from 'solid-js'

const width = 96
const height = 28

export function Sparkline(props: { values: readonly number[] }): JSX.Element {
  const path = () => sparkPath(props.values)
  return (
    <Show when={path() !== ''}>
      <svg class="spark" viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
        <path d={path()} />
      </svg>
    </Show>
  )
}

export function sparkPath(values: readonly number[]): string {
  const known = values.filter((value) => !Number.isNaN(value))
  if (known.length < 2) return ''
  const max = Math.max(...known)
  const min = Math.min(0, ...known)
  const span = max - min || 1
  let path = ''
  let pen = 'M'
  for (const [i, value] of values.entries()) {
    if (Number.isNaN(value)) {
      pen = 'M'
      continue
    }
    const x = (i / (values.length - 1)) * width
    const y = height - 2 - ((value - min) / span) * (height - 4)
    path += `${pen}${x.toFixed(1)} ${y.toFixed(1)}`
    pen = 'L'
  }
  return path
}
