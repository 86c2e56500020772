// The switch between local, cloud and both, and the strip that says which it is, in words and colour.

import type { JSX } from 'solid-js'
import { createEffect, For } from 'solid-js'
import { usePage } from './page-context.ts'
import type { PageContext } from './page-context.ts'
import { say } from './announce.ts'
import { iconOf, sidesOf, titleOf } from './source.ts'
import type { Source } from './url-state.ts'
import { sourceChoices } from './url-state.ts'

const names: Record<Source, string> = { local: 'Local', cloud: 'Cloud', diff: 'Diff' }

export function SourceSwitch(): JSX.Element {
  const page = usePage()
  return (
    <div class="segments" role="group" aria-label="Source">
      <For each={sourceChoices}>
        {(source) => (
          <button
            type="button"
            aria-pressed={page.url().source === source}
            onClick={() => page.change({ source })}
          >
            {names[source]}
          </button>
        )}
      </For>
    </div>
  )
}

export function nextSource(page: PageContext): void {
  const at = sourceChoices.indexOf(page.url().source)
  const source = sourceChoices[(at + 1) % sourceChoices.length] as Source
  page.change({ source })
  say(`Source: ${names[source]}`)
}

export function SourceStrip(): JSX.Element {
  const page = usePage()
  return (
    <aside class="strip" aria-label="Where the figures come from">
      <For each={sidesOf(page.url().source, page.cloud())}>
        {({ tone, word, says }) => (
          <p class={`is-${tone}`}>
            <b>{word}</b> <span>{says}</span>
          </p>
        )}
      </For>
    </aside>
  )
}

/** Title and favicon follow the source. */
export function followSource(page: PageContext, name: () => string): void {
  const icon = document.querySelector<HTMLLinkElement>('link[rel=icon]')
  createEffect(() => {
    const sides = sidesOf(page.url().source, page.cloud())
    document.title = titleOf(sides, name())
    icon?.setAttribute('href', iconOf(sides))
  })
}
