// Row C, left: carts now, and what became of those that closed in the last hour.

import type { JSX } from 'solid-js'
import { For, Show } from 'solid-js'
import type { CartCounts } from '../../../api/live/frame.ts'
import { count, money } from '../../parts/format.ts'
import { usePage } from '../../parts/page-context.ts'
import { Tile } from '../../parts/tile.tsx'
import { definitions } from './definitions.ts'
import { Age } from './kpis.tsx'

interface Outcome {
  name: string
  key: 'converted' | 'abandoned' | 'recovered' | 'emptied'
  color: number
}

const outcomes: readonly Outcome[] = [
  { name: 'Converted', key: 'converted', color: 3 },
  { name: 'Abandoned', key: 'abandoned', color: 2 },
  { name: 'Recovered', key: 'recovered', color: 1 },
  { name: 'Emptied', key: 'emptied', color: 6 },
]

export function CartFlow(): JSX.Element {
  const page = usePage()
  const carts = () => page.live.frame()?.kpi.carts
  return (
    <Tile
      title="Cart flow"
      class="span-5"
      definition={definitions.flow}
      footnote={
        <>
          open: now · closed: last 60 min · <Age />
        </>
      }
    >
      <Show when={carts()} fallback={<p class="empty">Waiting for the first cart.</p>}>
        {(now) => (
          <div class="flow">
            <Stage
              title="Open"
              value={now().open}
              note={`${count(now().started)} begun in 60 min`}
            />
            <span class="flow-arrow" aria-hidden="true" />
            <Stage
              title="In checkout"
              value={now().checkout}
              note={openValue(now(), page.currency())}
            />
            <span class="flow-arrow" aria-hidden="true" />
            <dl class="flow-outcomes">
              <For each={outcomes}>
                {(outcome) => <OutcomeRow outcome={outcome} counts={now()} />}
              </For>
            </dl>
          </div>
        )}
      </Show>
    </Tile>
  )
}

function openValue(counts: CartCounts, currency: string): string {
  const value = counts.openValue.find((each) => each.currency === currency)
  return `${money(value?.valueMinor ?? 0, currency)} in open carts`
}

function Stage(props: { title: string; value: number; note: string }): JSX.Element {
  return (
    <div class="flow-stage">
      <span class="label">{props.title}</span>
      <b>{count(props.value)}</b>
      <small>{props.note}</small>
    </div>
  )
}

function OutcomeRow(props: { outcome: Outcome; counts: CartCounts }): JSX.Element {
  const value = () => props.counts[props.outcome.key]
  const most = () => Math.max(1, ...outcomes.map(({ key }) => props.counts[key]))
  return (
    <div class="flow-outcome">
      <dt>{props.outcome.name}</dt>
      <dd>
        <b>{count(value())}</b> <small>{count(value() / 60)}/min</small>
      </dd>
      <dd class="flow-track">
        <span
          class={`flow-bar fill-${props.outcome.color}`}
          style={{ width: `${(value() / most()) * 100}%` }}
        />
      </dd>
    </div>
  )
}
