// Live: eight figures, purchases and products, carts, and the events themselves, all moving together once a second.

import { A } from '@solidjs/router'
import type { JSX } from 'solid-js'
import { createMemo, For, Match, onCleanup, Show, Switch } from 'solid-js'
import type { Live } from '../live/live.ts'
import { catchingUpMs } from '../live/status.ts'
import { TroublePanel } from '../parts/cloud-status.tsx'
import { duration } from '../parts/format.ts'
import { listenForKeys } from '../parts/keys.ts'
import { usePage } from '../parts/page-context.ts'
import { pastWords } from '../parts/past.ts'
import { statusWords } from '../parts/status.tsx'
import { windowChoices } from '../parts/url-state.ts'
import { Words } from '../parts/words.tsx'
import { clockTime } from '../parts/zone.ts'
import { AbandonmentTrend } from './live/abandonment.tsx'
import { CartFlow } from './live/cart-flow.tsx'
import { EventFeed } from './live/feed.tsx'
import { KpiRow } from './live/kpis.tsx'
import { NotFed } from './live/not-fed.tsx'
import { Purchases } from './live/purchases.tsx'
import { TopProducts } from './live/top-products.tsx'

export default function LivePage(): JSX.Element {
  const page = usePage()
  // Figures of another source are another page: nothing of the one before stays.
  const shown = () => (page.url().source === 'local' || page.cloudLive()) && page.url().source
  return (
    <Show when={shown()} keyed fallback={<NotFed />}>
      <LiveFigures />
    </Show>
  )
}

function LiveFigures(): JSX.Element {
  const page = usePage()
  const other = () => (page.url().source === 'diff' ? page.cloudLive() : undefined)
  const setWindow = (windowMin: (typeof windowChoices)[number]) =>
    page.change({ windowMin }, { replace: true })
  onCleanup(
    listenForKeys({
      Space: () => page.live.togglePause(),
      '1': () => setWindow(1),
      '2': () => setWindow(5),
      '3': () => setWindow(15),
      '4': () => setWindow(60),
    }),
  )
  return (
    <>
      <div class="page-head">
        <h1>Live</h1>
        <p class="label">
          <Show when={page.live.frame()} fallback="Waiting for the first frame…">
            {(frame) => (
              <>
                as of {clockTime(frame().nowMs, page.zone())} {page.zone()}
                <Show when={other()}>
                  {(cloud) => <> · cloud: {statusWords(cloud().status(), page.zone())}</>}
                </Show>
              </>
            )}
          </Show>
        </p>
        <div class="segments" role="group" aria-label="Window of the charts">
          <For each={windowChoices}>
            {(minutes) => (
              <button
                type="button"
                aria-pressed={page.url().windowMin === minutes}
                onClick={() => setWindow(minutes)}
              >
                {minutes} min
              </button>
            )}
          </For>
        </div>
      </div>
      <Notice live={page.live} />
      <Show when={other()}>{(cloud) => <Notice live={cloud()} />}</Show>
      <KpiRow />
      <div class="grid">
        <Purchases />
        <TopProducts />
        <CartFlow />
        <AbandonmentTrend />
        <EventFeed />
      </div>
    </>
  )
}

/** What keeps the figures from being what they seem. */
function Notice(props: { live: Live }): JSX.Element {
  const page = usePage()
  const status = () => props.live.status()
  const frame = () => props.live.frame()
  const isCloud = () => props.live.source === 'cloud'
  const isAway = (part: string) => frame()?.away.includes(part) === true
  // Each frame says it again; the panel is made once.
  const trouble = createMemo(() => frame()?.trouble, undefined, {
    equals: (before, now) => JSON.stringify(before) === JSON.stringify(now),
  })
  const warmingMs = () => {
    const now = frame()
    return now?.watermarkMs === null || now === undefined ? 0 : now.nowMs - now.watermarkMs
  }
  return (
    <Switch>
      <Match when={status().name === 'paused'}>
        <p class="banner" role="status">
          The page stands still; nothing is lost. Press Space or the button above to go on.
        </p>
      </Match>
      <Match when={isCloud() && (isAway('bridge') || isAway('pubsub'))}>
        <p class="banner is-bad" role="status">
          {isAway('bridge') ? 'The bridge' : 'Pub/Sub'} does not answer: these are the last figures
          of the cloud, and no local ones are shown in their place. They go on by themselves when it
          is back; the <A href={`/bridge${page.search()}`}>Bridge page</A> says what to do.
        </p>
      </Match>
      <Match when={trouble()}>
        {(what) => (
          <Show
            when={what().steps.length > 0}
            fallback={
              <p class="banner is-bad" role="status">
                {what().title}: <Words text={what().says} />. It is tried again by itself.
              </p>
            }
          >
            <TroublePanel trouble={what()} />
          </Show>
        )}
      </Match>
      <Match when={isAway('broker')}>
        <p class="banner is-bad" role="status">
          The broker does not answer: these are the last figures before it went. They go on by
          themselves when it is back.
        </p>
      </Match>
      <Match when={!isCloud() && page.past()}>
        {(past) => (
          <p class="banner" role="status">
            {pastWords(past())} Live begins with the newest hour of it, as soon as that is through.
          </p>
        )}
      </Match>
      <Match when={!isCloud() && (frame()?.away.length ?? 0) > 0}>
        <p class="banner" role="status">
          Not answering: {frame()?.away.join(', ')}. What depends on it stands still.
        </p>
      </Match>
      <Match when={warmingMs() > catchingUpMs}>
        <p class="banner" role="status">
          Catching up: event time stands {duration(warmingMs())} before now. The figures below
          follow as it comes nearer.
        </p>
      </Match>
      <Match when={frame() && frame()?.counts.events === 0}>
        <p class="banner" role="status">
          No event yet. The storefront on port 4401 makes some, so does <code>POST /v1/events</code>
          ; <code>npm start</code> without <code>--no-demo</code> brings simulated shoppers.
        </p>
      </Match>
    </Switch>
  )
}
