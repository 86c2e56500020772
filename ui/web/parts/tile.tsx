// A tile: title, what belongs to every number (window, age, provisional or not), its definition, and chart or table.

import type { JSX } from 'solid-js'
import { createSignal, createUniqueId, Show } from 'solid-js'
import { Dynamic } from 'solid-js/web'
import type { Definition } from './definition.tsx'
import { DefinitionDialog } from './definition.tsx'
import { IconButton } from './icons.tsx'

export interface TileProps {
  title: string
  /** 3 below a section's own heading. */
  level?: 2 | 3
  /** Class for the place in the grid. */
  class?: string
  definition?: Definition
  /** Window, n, age, provisional: what the numbers stand on. */
  footnote?: JSX.Element
  tools?: JSX.Element
  table?: { isOn: boolean; toggle(): void }
  onExport?(): void
  isStale?: boolean
  isLoading?: boolean
  children: JSX.Element
}

export function Tile(props: TileProps): JSX.Element {
  const titleId = createUniqueId()
  const [isExplained, setExplained] = createSignal(false)
  return (
    <section
      class={`tile ${props.class ?? ''}`}
      classList={{ 'is-stale': props.isStale === true }}
      aria-labelledby={titleId}
    >
      <header class="tile-head">
        <Dynamic component={`h${props.level ?? 2}`} id={titleId} class="tile-title">
          {props.title}
        </Dynamic>
        <div class="tile-tools">
          {props.tools}
          <Show when={props.table}>
            {(table) => (
              <IconButton
                icon={table().isOn ? 'chart' : 'table'}
                label={`${props.title}: ${table().isOn ? 'as chart' : 'as table'}`}
                isPressed={table().isOn}
                onClick={() => table().toggle()}
              />
            )}
          </Show>
          <Show when={props.onExport}>
            {(run) => (
              <IconButton icon="download" label={`${props.title}: CSV`} onClick={() => run()()} />
            )}
          </Show>
          <Show when={props.definition}>
            <IconButton
              icon="info"
              label={`${props.title}: definition`}
              onClick={() => setExplained(true)}
            />
          </Show>
        </div>
      </header>
      <Show when={props.isLoading}>
        <div class="tile-progress" />
      </Show>
      <div class="tile-body">{props.children}</div>
      <Show when={props.footnote}>
        <footer class="footnote">{props.footnote}</footer>
      </Show>
      <Show when={isExplained() && props.definition}>
        {(definition) => (
          <DefinitionDialog definition={definition()} onClose={() => setExplained(false)} />
        )}
      </Show>
    </section>
  )
}

/** The state of a tile's table view. */
export function createTable(): { isOn: boolean; toggle(): void } {
  const [isOn, setOn] = createSignal(false)
  return {
    get isOn() {
      return isOn()
    },
    toggle: () => setOn(!isOn()),
  }
}
