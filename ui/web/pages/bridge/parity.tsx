// The parity strip: a cell for each table with its rows on both sides and what follows from that.

import type { JSX } from 'solid-js'
import { For, Show } from 'solid-js'
import type { Agreement, Parity, TableAgreement } from '../../../api/bridge/parity.ts'
import { exact } from '../../parts/format.ts'
import { Icon } from '../../parts/icons.tsx'
import { usePage } from '../../parts/page-context.ts'
import { createQuery } from '../../parts/query.ts'
import { Tile } from '../../parts/tile.tsx'
import { clockTime } from '../../parts/zone.ts'
import { createTick } from './asking.ts'
import { parityStanding } from './figures.ts'
import { StandingLine } from './standing.tsx'

const words: Record<Agreement, readonly [icon: 'check' | 'right' | 'alert', word: string]> = {
  equal: ['check', 'equal'],
  behind: ['right', 'behind'],
  differs: ['alert', 'differs'],
}

export function ParityStrip(): JSX.Element {
  const page = usePage()
  const { state } = createQuery<Parity>(() => '/api/bridge/parity', 0, createTick(3000))
  const compared = () => {
    const parity = state().data
    return parity?.is === 'compared' ? parity : undefined
  }
  return (
    <Tile
      title="Do both sides hold the same?"
      class="span-12"
      footnote={
        <>
          Rows of every version, counted on both sides
          <Show when={compared()}>
            {(parity) => (
              <>
                {' '}
                at {clockTime(Date.parse(parity().at), page.zone())}, epoch {parity().epoch}
              </>
            )}
          </Show>
          ; again by itself while this page is open. Values and figures are compared by{' '}
          <code>npx slipway bridge verify</code>; what would be created is listed by{' '}
          <code>npx slipway bridge plan</code>.
        </>
      }
    >
      <Show when={state().data} fallback={<p class="empty">Counting on both sides…</p>}>
        {(parity) => <StandingLine standing={parityStanding(parity())} />}
      </Show>
      <Show when={compared()}>
        {(parity) => (
          <ul class="parity" aria-label="Rows by table">
            <For each={parity().tables}>{(table) => <TableCell table={table} />}</For>
          </ul>
        )}
      </Show>
    </Tile>
  )
}

function TableCell(props: { table: TableAgreement }): JSX.Element {
  const word = () => words[props.table.agreement]
  return (
    <li class={`parity-cell is-${props.table.agreement}`}>
      <span class="parity-name">{props.table.table}</span>
      <span>history {exact(props.table.history)}</span>
      <span class="parity-word">
        <Icon name={word()[0]} /> {word()[1]}
      </span>
      <span>BigQuery {exact(props.table.bigquery)}</span>
    </li>
  )
}
