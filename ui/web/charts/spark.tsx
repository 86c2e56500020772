// A line without axes beside a figure: an SVG path, no chart instance. It shows shape only, so it is hidden from
// assistive technology; the tile's figures say what counts.

import type { JSX } from 'solid-js'
import { Show } from 'solid-js'
import { sparkHeight, sparkPath, sparkWidth } from './sparkline.ts'

export function Sparkline(props: { values: readonly number[] }): JSX.Element {
  const path = () => sparkPath(props.values)
  return (
    <Show when={path() !== ''}>
      <svg class="spark" viewBox={`0 0 ${sparkWidth} ${sparkHeight}`} aria-hidden="true">
        <path d={path()} />
      </svg>
    </Show>
  )
}
