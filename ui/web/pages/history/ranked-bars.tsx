// A split of one metric: the largest values as bars with share and change, the rest in one row. It is a table, so it
// needs no second view.

import type { JSX } from 'solid-js'
import { createMemo, For, Show } from 'solid-js'
import type { Dimension, MetricId } from '../../../../stack/contract/metrics/definition.ts'
import { metrics } from '../../../../stack/contract/metrics.ts'
import { Delta } from '../../parts/delta.tsx'
import { percent, plural } from '../../parts/format.ts'
import { createQuery } from '../../parts/query.ts'
import { differenceWords } from './agreement-words.tsx'
import { saveCsv } from './export.ts'
import { exactPrinter, isSplit, keyLabel, printer, ranking } from './figures.ts'
import { MetricTile } from './metric-tile.tsx'
import { useQuestions } from './questions.ts'

const rowsMax = 6
const namesFreshMs = 300_000

export function RankedBars(props: {
  title: string
  metric: MetricId
  by: Dimension
  keyName: string
  class?: string
}): JSX.Element {
  const questions = useQuestions()
  const split = () => ({ by: props.by })
  const now = questions.ask(props.metric, split)
  const before = questions.askCompared(props.metric, split)
  /** What each row is held against. */
  const other = () => {
    if (questions.isDiff()) return now.cloud()
    return questions.compared() ? before.state().data : undefined
  }
  const { unit } = metrics[props.metric]
  const names = createQuery<{ names: Record<string, string> }>(
    () => (props.by === 'product' ? '/api/shop/products' : undefined),
    namesFreshMs,
  )
  const rows = createMemo(() => {
    const answer = now.state().data
    if (!answer) return []
    return ranking(answer, other(), rowsMax).map((row) => ({
      ...row,
      name:
        row.restOf > 0
          ? plural(row.restOf, 'other')
          : (names.state().data?.names[row.key ?? ''] ?? keyLabel(props.by, row.key)),
    }))
  })
  const save = () => {
    const answer = now.state().data
    if (!answer) return
    saveCsv(`${props.metric}-by-${props.by}`, answer, questions.sourceWords(), {
      header: [props.by, props.metric, 'numerator', 'denominator'],
      rows: answer.by.map((each) => [each.key, each.value, each.numerator, each.denominator]),
    })
  }
  return (
    <MetricTile
      title={props.title}
      class={props.class ?? 'span-3'}
      queries={[now]}
      metrics={[props.metric]}
      onExport={save}
    >
      {(of) => {
        const print = () => printer(unit, of(0).currency ?? questions.currency())
        const exactly = () => exactPrinter(unit, of(0).currency ?? questions.currency())
        const most = () => Math.max(1, ...rows().map((row) => (row.restOf > 0 ? 0 : row.value)))
        return (
          <Show
            when={isSplit(rows())}
            fallback={
              <p class="empty">
                {rows().length === 0
                  ? 'Nothing in this range.'
                  : `Nothing in this range says its ${props.keyName.toLowerCase()}.`}
              </p>
            }
          >
            <div class="table-fit">
              <table class="data ranked">
                <thead>
                  <tr>
                    <th scope="col">{props.keyName}</th>
                    <th scope="col">{metrics[props.metric].title}</th>
                    <th scope="col">Share</th>
                    <Show when={questions.compared() || questions.isDiff()}>
                      <th scope="col" class="if-wide">
                        {questions.isDiff() ? 'Cloud − local' : 'Change'}
                      </th>
                    </Show>
                  </tr>
                </thead>
                <tbody>
                  <For each={rows()}>
                    {(row) => (
                      <tr>
                        <th scope="row" class="with-bar" classList={{ 'is-rest': row.restOf > 0 }}>
                          <Show when={row.restOf === 0}>
                            <span
                              class="bar-behind"
                              style={{ width: `${(Math.max(0, row.value) / most()) * 100}%` }}
                            />
                          </Show>
                          <span class="cut" title={row.name}>
                            {row.name}
                          </span>
                        </th>
                        <td title={exactly()(row.value)}>{print()(row.value)}</td>
                        <td>{percent(row.share)}</td>
                        <Show when={questions.isDiff()}>
                          <td class="if-wide">
                            {row.before === null
                              ? ''
                              : differenceWords(row.value, row.before, print())}
                          </td>
                        </Show>
                        <Show when={questions.compared()}>
                          <td class="if-wide">
                            <Delta
                              compared={{ value: row.value, before: row.before }}
                              against={questions.against()}
                            />
                          </td>
                        </Show>
                      </tr>
                    )}
                  </For>
                </tbody>
              </table>
            </div>
          </Show>
        )
      }}
    </MetricTile>
  )
}
