// History: any range against any other, in four sections; each tile answers by itself.

import type { JSX } from 'solid-js'
import { For, Show } from 'solid-js'
import { Dynamic } from 'solid-js/web'
import { usePage } from '../parts/page-context.ts'
import { pastWords } from '../parts/past.ts'
import { TroublePanel } from '../parts/cloud-status.tsx'
import { Behaviour } from './history/behaviour.tsx'
import { CloudCostLine } from './history/cloud-cost.tsx'
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
  const questions = createQuestions(page)
  const trouble = () => {
    const standing = page.standing()
    return standing?.isReady === false ? standing.trouble : undefined
  }
  return (
    <QuestionsProvider value={questions}>
      <div class="page-head">
        <h1>History</h1>
        <nav class="sections" aria-label="Sections">
          <For each={sections}>{([id, name]) => <a href={`#${id}`}>{name}</a>}</For>
        </nav>
        <CloudCostLine />
      </div>
      <Show when={trouble()}>{(what) => <TroublePanel trouble={what()} />}</Show>
      <Show when={page.past()}>
        {(past) => (
          <p class="banner" role="status">
            {pastWords(past())} What is shown below is not whole yet, and grows by itself.
          </p>
        )}
      </Show>
      <Show when={questions.isAway() && !trouble()}>
        <p class="banner is-bad" role="status">
          {questions.isCloud() ? 'BigQuery' : 'History'} does not answer. What it said before stays
          below; it is asked again by itself. Live goes on without it.{' '}
          <button type="button" class="button" onClick={() => questions.askAgain()}>
            Ask now
          </button>
        </p>
      </Show>
      {/* Without the cloud there is nothing of it to show; of both, history's figures go on. */}
      <Show when={!(questions.isCloud() && trouble())}>
        <Controls />
        <For each={sections}>
          {([id, name, Section]) => (
            <section id={id} class="section" aria-labelledby={`${id}-title`}>
              <h2 id={`${id}-title`}>{name}</h2>
              <Dynamic component={Section} />
            </section>
          )}
        </For>
      </Show>
    </QuestionsProvider>
  )
}
