// Around every page: the strip that says where the figures come from, the way between pages, the status of the live
// view, zone, currency and theme; the sheet of keys; the one live region.

import { A, useLocation, useNavigate } from '@solidjs/router'
import type { JSX, ParentProps } from 'solid-js'
import { createSignal, ErrorBoundary, For, onCleanup, Show, Suspense } from 'solid-js'
import { isZone } from '../../stack/contract/calendar.ts'
import { announcement } from './parts/announce.ts'
import { CloudStatus } from './parts/cloud-status.tsx'
import { Dialog } from './parts/dialog.tsx'
import { IconButton } from './parts/icons.tsx'
import type { PageContext } from './parts/page-context.ts'
import { createPageContext, PageProvider, usePage } from './parts/page-context.ts'
import { setShortcuts, shortcuts, themeChoice } from './parts/preferences.ts'
import { followSource, nextSource, SourceStrip, SourceSwitch } from './parts/source-switch.tsx'
import { Status } from './parts/status.tsx'
import { followTheme, nextTheme } from './parts/theme.ts'
import { listenForKeys } from './parts/keys.ts'

const pages = [
  ['/live', 'Live'],
  ['/history', 'History'],
  ['/bridge', 'Bridge'],
] as const

export function Shell(props: ParentProps): JSX.Element {
  const page = createPageContext()
  const location = useLocation()
  const [hasHelp, setHelp] = createSignal(false)
  followTheme()
  followSource(
    page,
    () => pages.find(([path]) => location.pathname.startsWith(path))?.[1] ?? 'No such page',
  )
  const navigate = useNavigate()
  onCleanup(
    listenForKeys({
      'g l': () => navigate(`/live${page.search()}`),
      'g h': () => navigate(`/history${page.search()}`),
      'g b': () => navigate(`/bridge${page.search()}`),
      d: nextTheme,
      L: () => nextSource(page),
      '?': () => setHelp(true),
    }),
  )
  return (
    <PageProvider value={page}>
      <a class="skip" href="#content">
        Skip to the figures
      </a>
      <SourceStrip />
      <Header page={page} onHelp={() => setHelp(true)} />
      <Problems />
      <main id="content" tabIndex={-1}>
        <ErrorBoundary fallback={(error, reset) => <Broken error={error} retry={reset} />}>
          <Suspense fallback={<p class="empty">Loading…</p>}>{props.children}</Suspense>
        </ErrorBoundary>
      </main>
      <div class="visually-hidden" role="status" aria-live="polite">
        {announcement()}
      </div>
      <Show when={hasHelp()}>
        <KeySheet onClose={() => setHelp(false)} />
      </Show>
    </PageProvider>
  )
}

function Header(props: { page: PageContext; onHelp(): void }): JSX.Element {
  const theme = () => ({ system: 'screen', light: 'sun', dark: 'moon' }) as const
  // The status of one side is never shown for the other: where no live view of the cloud is open, it is BigQuery's.
  const isOfLive = () => props.page.url().source === 'local' || props.page.cloudLive() !== undefined
  return (
    <header class="top">
      <span class="brand">Slipway</span>
      <nav aria-label="Pages">
        <For each={pages}>
          {([path, name]) => (
            <A href={path + props.page.search()} activeClass="is-here" aria-label={name}>
              {name}
            </A>
          )}
        </For>
      </nav>
      <SourceSwitch />
      <Show when={isOfLive()} fallback={<CloudStatus />}>
        <Status live={props.page.live} zone={props.page.zone()} />
      </Show>
      <div class="top-tools">
        <ZonePicker />
        <CurrencyPicker />
        <IconButton
          icon={theme()[themeChoice()]}
          label={`Theme: ${themeChoice()}`}
          onClick={nextTheme}
        />
        <span class="keys">
          <IconButton icon="keys" label="Keys" onClick={() => props.onHelp()} />
        </span>
      </div>
    </header>
  )
}

const commonZones = ['UTC', 'Europe/Amsterdam', 'Europe/London', 'America/New_York', 'Asia/Tokyo']

function ZonePicker(): JSX.Element {
  const page = usePage()
  const names = () => [
    ...new Set([page.zone(), ...commonZones, ...Intl.supportedValuesOf('timeZone')]),
  ]
  return (
    <label class="field">
      <span class="visually-hidden">Time zone</span>
      <select
        class="zone"
        value={page.zone()}
        onChange={(event) =>
          isZone(event.target.value) && page.change({ zone: event.target.value })
        }
      >
        <For each={names()}>
          {(name) => (
            <option value={name} selected={name === page.zone()}>
              {name}
            </option>
          )}
        </For>
      </select>
    </label>
  )
}

function CurrencyPicker(): JSX.Element {
  const page = usePage()
  const codes = () => {
    const seen = page.live.frame()?.kpi.money.map((money) => money.currency) ?? []
    return [...new Set([page.currency(), ...seen])].sort()
  }
  return (
    <label class="field">
      <span class="visually-hidden">Currency</span>
      <select
        value={page.currency()}
        onChange={(event) => page.change({ currency: event.target.value })}
      >
        <For each={codes()}>
          {(code) => (
            <option value={code} selected={code === page.currency()}>
              {code}
            </option>
          )}
        </For>
      </select>
    </label>
  )
}

function Problems(): JSX.Element {
  const page = usePage()
  return (
    <Show when={page.problems().length > 0}>
      <p class="banner" role="status">
        {page.problems().join('; ')}. The usual setting is shown instead.
      </p>
    </Show>
  )
}

function Broken(props: { error: unknown; retry(): void }): JSX.Element {
  return (
    <div class="empty" role="alert">
      <p>This page stopped: {String(props.error)}</p>
      <button type="button" class="button" onClick={() => props.retry()}>
        Try again
      </button>
    </div>
  )
}

const keySheet: readonly (readonly [keys: string, does: string])[] = [
  ['g l · g h · g b', 'Live · History · Bridge'],
  ['Shift L', 'source: local, cloud, both with differences'],
  ['Space', 'pause and resume Live'],
  ['1 – 4', 'window of Live: 1, 5, 15, 60 minutes'],
  ['[ · ]', 'period before · after (History)'],
  ['c', 'next comparison (History)'],
  ['drag', 'History: zoom to the drawn span, u goes back · Live: hold and examine it, Esc goes on'],
  ['← →', 'chart cursor; Shift: ten places; ↑ ↓ series'],
  ['t', 'table view of the focused chart'],
  ['d', 'theme: system, light, dark'],
  ['?', 'this sheet'],
]

function KeySheet(props: { onClose(): void }): JSX.Element {
  return (
    <Dialog title="Keys" onClose={() => props.onClose()}>
      <dl class="facts">
        <For each={keySheet}>
          {([keys, does]) => (
            <>
              <dt>
                <kbd>{keys}</kbd>
              </dt>
              <dd>{does}</dd>
            </>
          )}
        </For>
      </dl>
      <label class="check">
        <input
          type="checkbox"
          checked={shortcuts() === 'on'}
          onChange={(event) => setShortcuts(event.target.checked ? 'on' : 'off')}
        />
        Single keys are shortcuts
      </label>
    </Dialog>
  )
}
