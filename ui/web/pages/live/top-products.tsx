// Row B, right: the ten products that bring most. Rows change places at most every five seconds, and never under the
// pointer.

import type { JSX } from 'solid-js'
import { createMemo, createSignal, For, Show } from 'solid-js'
import type { TopProduct } from '../../../api/live/frame.ts'
import { count, exactMoney, money, nothing, percent } from '../../parts/format.ts'
import { usePage } from '../../parts/page-context.ts'
import { Tile } from '../../parts/tile.tsx'
import { definitions } from './definitions.ts'
import { ratio } from './figures.ts'
import { Age } from './kpis.tsx'

type SortBy = 'revenue' | 'units'
/** Fewer views say nothing about a share. */
const viewersLeast = 30

export function TopProducts(): JSX.Element {
  const page = usePage()
  const [sortBy, setSortBy] = createSignal<SortBy>('revenue')
  const [isHeld, setHeld] = createSignal(false)
  const rows = createMemo<TopProduct[]>((before) => {
    const list = page.live.frame()?.top?.byWindow[page.url().windowMin] ?? []
    if (isHeld() && before.length > 0) return before
    return sortBy() === 'revenue' ? list : [...list].sort((a, b) => b.units - a.units)
  }, [])
  const currency = () => page.live.frame()?.top?.currency ?? page.currency()
  const most = () =>
    Math.max(1, ...rows().map((row) => (sortBy() === 'revenue' ? row.netMinor : row.units)))
  const isSorted = (by: SortBy) => (sortBy() === by ? 'descending' : 'none')
  return (
    <Tile
      title="Top products"
      class="span-5"
      definition={definitions.products}
      footnote={
        <>
          last {page.url().windowMin} min · in {currency()} · order changes every 5 s · <Age />
        </>
      }
    >
      <Show
        when={rows().length > 0}
        fallback={<p class="empty">No purchase in this window yet.</p>}
      >
        <div class="table-fit">
          <table
            class="data ranked"
            onPointerEnter={() => setHeld(true)}
            onPointerLeave={() => setHeld(false)}
          >
            <thead>
              <tr>
                <th scope="col">#</th>
                <th scope="col">Product</th>
                <th scope="col" aria-sort={isSorted('revenue')}>
                  <button type="button" onClick={() => setSortBy('revenue')}>
                    Net revenue
                  </button>
                </th>
                <th scope="col" aria-sort={isSorted('units')}>
                  <button type="button" onClick={() => setSortBy('units')}>
                    Units
                  </button>
                </th>
                <th scope="col" class="if-wide">
                  View to buy
                </th>
              </tr>
            </thead>
            <tbody>
              <For each={rows()}>
                {(row, i) => (
                  <tr>
                    <td class="rank">
                      {i() + 1}
                      <RankChange rank={i() + 1} before={row.rankBefore} />
                    </td>
                    <th scope="row" class="with-bar">
                      <span
                        class="bar-behind"
                        style={{
                          width: `${((sortBy() === 'revenue' ? row.netMinor : row.units) / most()) * 100}%`,
                        }}
                      />
                      <span class="cut" title={row.name}>
                        {row.name}
                      </span>
                    </th>
                    <td title={exactMoney(row.netMinor, currency())}>
                      {money(row.netMinor, currency())}
                    </td>
                    <td>{count(row.units)}</td>
                    <td class="if-wide" title={`${row.buyers} of ${row.viewers} sessions`}>
                      {row.viewers < viewersLeast
                        ? nothing
                        : percent(ratio(row.buyers, row.viewers))}
                    </td>
                  </tr>
                )}
              </For>
            </tbody>
          </table>
        </div>
      </Show>
    </Tile>
  )
}

function RankChange(props: { rank: number; before: number | null | undefined }): JSX.Element {
  const text = () => {
    if (props.before === undefined) return ''
    if (props.before === null) return 'new'
    const by = props.before - props.rank
    if (by === 0) return ''
    return by > 0 ? `+${by}` : `−${-by}`
  }
  return (
    <Show when={text() !== ''}>
      <small class="rank-change" title="against the window before">
        {text()}
      </small>
    </Show>
  )
}
