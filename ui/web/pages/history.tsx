// History: any range against any other, in four sections; each tile answers by itself.

import type { JSX } from 'solid-js'
import { For } from 'solid-js'
import { Dynamic } from 'solid-js/web'
import { usePage } from '../parts/page-context.ts'
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
  const questions = createQuestions(usePage())
  return (
    <QuestionsProvider value={questions}>
      <div class="page-head">
        <h1>History</h1>
        <nav class="sections" aria-label="Sections">
          <For each={sections}>{([id, name]) => <a href={`#${id}`}>{name}</a>}</For>
        </nav>
      </div>
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
