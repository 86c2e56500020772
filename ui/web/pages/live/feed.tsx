// Row D: what arrives, newest first, with chips by kind and a pause of its own; a row opens the record as it lies in
// its topic. Only the rows in sight are in the document.

import type { JSX } from 'solid-js'
import { createMemo, createSignal, For, Show } from 'solid-js'
import { liveUrl } from '../../live/browser-link.ts'
import type { FeedRow } from '../../../api/live/frame.ts'
import type { ShownRecord } from '../../../api/live/routes.ts'
import { Dialog } from '../../parts/dialog.tsx'
import { count, money } from '../../parts/format.ts'
import { IconButton } from '../../parts/icons.tsx'
import { usePage } from '../../parts/page-context.ts'
import { createQuery } from '../../parts/query.ts'
import { Tile } from '../../parts/tile.tsx'
import { clockTime } from '../../parts/zone.ts'

const kinds = [
  ['all', 'All', () => true],
  [
    'view',
    'Views',
    (row: FeedRow) => /^(page_view|view_item|view_item_list|select_item|search)$/.test(row.name),
  ],
  ['cart', 'Cart', (row: FeedRow) => /cart/.test(row.name)],
  ['checkout', 'Checkout', (row: FeedRow) => /^(begin_checkout|checkout_step)$/.test(row.name)],
  ['purchase', 'Purchases', (row: FeedRow) => /^(purchase|refund)$/.test(row.name)],
  ['rejected', 'Rejected', (row: FeedRow) => row.name === 'rejected'],
] as const
type Kind = (typeof kinds)[number][0]

const rowHeight = 32
const rowsAround = 4

export function EventFeed(): JSX.Element {
  const page = usePage()
  const [kind, setKind] = createSignal<Kind>('all')
  const [held, setHeld] = createSignal<FeedRow[]>()
  const [opened, setOpened] = createSignal<number>()
  const [scroll, setScroll] = createSignal({ top: 0, height: 400 })
  const rows = createMemo(() => {
    const filter = kinds.find(([name]) => name === kind())?.[2] ?? (() => true)
    return (held() ?? page.live.feed()).filter(filter)
  })
  const first = () => Math.max(0, Math.floor(scroll().top / rowHeight) - rowsAround)
  const inSight = () =>
    rows().slice(first(), first() + Math.ceil(scroll().height / rowHeight) + 2 * rowsAround)
  return (
    <Tile
      title="Events as they arrive"
      class="span-12"
      tools={
        <>
          <div class="chips" role="group" aria-label="Kinds of events">
            <For each={kinds}>
              {([name, label]) => (
                <button type="button" aria-pressed={kind() === name} onClick={() => setKind(name)}>
                  {label}
                </button>
              )}
            </For>
          </div>
          <IconButton
            icon={held() ? 'play' : 'pause'}
            label={held() ? 'Resume the list' : 'Hold the list'}
            isPressed={held() !== undefined}
            onClick={() => setHeld(held() ? undefined : page.live.feed())}
          />
        </>
      }
      footnote={
        <>
          newest first · {count(rows().length)} kept · {samplingWords(page.live.sampling())}
          <Show when={page.live.frame()}>
            {(frame) => (
              <>
                {' '}
                · since start: {count(frame().counts.events)} events,{' '}
                {count(frame().counts.rejected)} rejected, {count(frame().counts.duplicates)}{' '}
                duplicates, {count(frame().counts.bots)} of bots, {count(frame().counts.late)} late
              </>
            )}
          </Show>
        </>
      }
    >
      <Show
        when={rows().length > 0}
        fallback={
          <p class="empty">
            {kind() === 'all' ? 'No event has arrived yet.' : 'None of this kind has arrived yet.'}
          </p>
        }
      >
        <div
          class="feed"
          role="region"
          aria-label="Events, newest first"
          tabIndex={0}
          onScroll={({ currentTarget }) =>
            setScroll({ top: currentTarget.scrollTop, height: currentTarget.clientHeight })
          }
        >
          <ol style={{ height: `${rows().length * rowHeight}px` }}>
            <For each={inSight()}>
              {(row, i) => (
                <li style={{ transform: `translateY(${(first() + i()) * rowHeight}px)` }}>
                  <FeedLine row={row} zone={page.zone()} onOpen={() => setOpened(row.index)} />
                </li>
              )}
            </For>
          </ol>
        </div>
      </Show>
      <Show when={opened() !== undefined}>
        <Drawer index={opened() as number} onClose={() => setOpened(undefined)} />
      </Show>
    </Tile>
  )
}

const flagWords: Readonly<Record<string, string>> = { noConsent: 'no consent', tooLate: 'too late' }

function samplingWords(ratio: number): string {
  return ratio <= 1 ? 'every event' : `a sample, 1 of ${count(ratio)}`
}

function FeedLine(props: { row: FeedRow; zone: string; onOpen(): void }): JSX.Element {
  const { row } = props
  return (
    <button type="button" class="feed-row" onClick={() => props.onOpen()}>
      <span class="feed-time">{clockTime(row.receivedMs, props.zone)}</span>
      <span class={`feed-name kind-${row.name}`}>{row.name}</span>
      <span class="feed-what cut">{row.what}</span>
      <span class="feed-money">
        {row.amountMinor === null || row.currency === null
          ? ''
          : money(row.amountMinor, row.currency)}
      </span>
      <span class="feed-flags">{row.flags.map((flag) => flagWords[flag] ?? flag).join(', ')}</span>
      <span class="feed-place">{[row.country, row.device].filter(Boolean).join(' · ')}</span>
      <span class="feed-who mono cut">{row.who}</span>
    </button>
  )
}

function Drawer(props: { index: number; onClose(): void }): JSX.Element {
  const page = usePage()
  const record = createQuery<ShownRecord>(() => liveUrl(page.live.source, `/feed/${props.index}`))
  const copy = (text: string) => void navigator.clipboard.writeText(text)
  return (
    <Dialog title="Record" onClose={() => props.onClose()}>
      <Show
        when={record.state().data}
        fallback={<p class="label">{record.state().error?.message ?? 'Loading…'}</p>}
      >
        {(data) => (
          <>
            <dl class="facts">
              <dt>Topic</dt>
              <dd class="mono">{data().topic}</dd>
              <dt>Place</dt>
              <dd class="mono">
                partition {data().partition}, offset {data().offset}
              </dd>
              <dt>Key</dt>
              <dd class="mono">{data().key ?? 'none'}</dd>
            </dl>
            <pre tabIndex={0} class="json">
              {data().value}
            </pre>
            <button type="button" class="button" onClick={() => copy(data().value)}>
              Copy JSON
            </button>
          </>
        )}
      </Show>
    </Dialog>
  )
}
