// History: any range against any other, in four sections; each tile answers by itself.

import type { JSX } from 'solid-js'
import { For, Show } from 'solid-js'
import { Dynamic } from 'solid-js/web'
import { usePage } from '../parts/page-context.ts'
import { pastWords } from '../parts/past.ts'
import { Behaviour } from './history/behaviour.tsx'
import { Controls } from './history/controls.tsx'
import { Conversion } from './history/conversion.tsx'
import { Overview } from './history/overview.tsx'
import { createQuestions, QuestionsProvider } from './history/questions.ts'
import { Revenue } from './history/revenue.tsx'

const sections = [
  ['overview', 'Overview', Overview],
  ['revenue', 'Revenue', Revenue],
  ['conversion', 'Conversion', Conversion],
  ['behaviour', 'Behaviour', Behaviour],
] as const

export default function HistoryPage(): JSX.Element {
  const page = usePage()
  return (
    <Show
      when={page.url().source === 'local'}
      fallback={
        <>
          <div class="page-head">
            <h1>History</h1>
          </div>
          <p class="empty">There are no figures of the cloud yet.</p>
        </>
      }
    >
      <LocalHistory />
    </Show>
  )
}

function LocalHistory(): JSX.Element {
  const page = usePage()
  const questions = createQuestions(page)
  return (
    <QuestionsProvider value={questions}>
      <div class="page-head">
        <h1>History</h1>
        <nav class="sections" aria-label="Sections">
          <For each={sections}>{([id, name]) => <a href={`#${id}`}>{name}</a>}</For>
        </nav>
      </div>
      <Show when={page.past()}>
        {(past) => (
          <p class="banner" role="status">
            {pastWords(past())} What is shown below is not whole yet, and grows by itself.
          </p>
        )}
      </Show>
      <Show when={questions.isAway()}>
        <p class="banner is-bad" role="status">
          History does not answer. What it said before stays below; it is asked again by itself.
          Live goes on without it.{' '}
          <button type="button" class="button" onClick={() => questions.askAgain()}>
            Ask now
          </button>
        </p>
      </Show>
      <Controls />
      <For each={sections}>
        {([id, name, Section]) => (
          <section id={id} class="section" aria-labelledby={`${id}-title`}>
            <h2 id={`${id}-title`}>{name}</h2>
            <Dynamic component={Section} />
          </section>
        )}
      </For>
    </QuestionsProvider>
  )
}
