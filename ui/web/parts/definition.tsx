// What a number means: definition, window, what is left out, and the SQL that computes it in both dialects.

import type { JSX } from 'solid-js'
import { createSignal, For, Show } from 'solid-js'
import type { MetricAnswer, MetricId } from '../../../stack/contract/metrics/definition.ts'
import { Dialog } from './dialog.tsx'
import { createQuery } from './query.ts'

export interface Definition {
  title: string
  says: string
  /** Details by name: window, left out, rule. */
  facts: readonly (readonly [name: string, text: string])[]
  /** Metrics of the registry whose SQL belongs to it. */
  metrics: readonly MetricId[]
  /** The answer's address, where the page has asked already. */
  url?: string
}

export function DefinitionDialog(props: { definition: Definition; onClose(): void }): JSX.Element {
  return (
    <Dialog title={props.definition.title} onClose={() => props.onClose()}>
      <p>{props.definition.says}</p>
      <dl class="facts">
        <For each={props.definition.facts}>
          {([name, text]) => (
            <>
              <dt>{name}</dt>
              <dd>{text}</dd>
            </>
          )}
        </For>
      </dl>
      <For each={props.definition.metrics}>
        {(id) => <MetricSql id={id} url={props.definition.url ?? lastHour(id)} />}
      </For>
    </Dialog>
  )
}

function lastHour(id: MetricId): string {
  const toMs = Math.floor(Date.now() / 60_000) * 60_000
  const from = new Date(toMs - 3_600_000).toISOString()
  return `/api/history/metrics/${id}?from=${from}&to=${new Date(toMs).toISOString()}`
}

const engines = [
  ['duckdb', 'DuckDB'],
  ['bigquery', 'BigQuery'],
] as const

function MetricSql(props: { id: MetricId; url: string }): JSX.Element {
  const [engine, setEngine] = createSignal<'duckdb' | 'bigquery'>('duckdb')
  const answer = createQuery<MetricAnswer>(() => props.url)
  return (
    <section class="sql">
      <header>
        <h3>
          In history: <code>{props.id}</code>
        </h3>
        <div class="segments" role="group" aria-label="SQL dialect">
          <For each={engines}>
            {([name, label]) => (
              <button
                type="button"
                aria-pressed={engine() === name}
                onClick={() => setEngine(name)}
              >
                {label}
              </button>
            )}
          </For>
        </div>
      </header>
      <Show
        when={answer.state().data}
        fallback={
          <p class="label">{answer.state().error?.message ?? 'Asking history for its SQL…'}</p>
        }
      >
        {(data) => (
          <>
            <p class="label">{data().formula}</p>
            <pre tabIndex={0}>{data().sql[engine()]}</pre>
          </>
        )}
      </Show>
    </section>
  )
}
