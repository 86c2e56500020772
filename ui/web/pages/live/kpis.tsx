// Row A: eight figures, each with its window, what it stands on, and the change against yesterday.

import { A } from '@solidjs/router'
import type { JSX } from 'solid-js'
import { createMemo, createSignal, For, Show } from 'solid-js'
import type { LiveFrame } from '../../../api/live/frame.ts'
import { Sparkline } from '../../charts/spark.tsx'
import { DefinitionDialog } from '../../parts/definition.tsx'
import type { Compared } from '../../parts/change.ts'
import { Delta } from '../../parts/delta.tsx'
import {
  ageWords,
  count,
  duration,
  exactMoney,
  money,
  percent,
  plural,
} from '../../parts/format.ts'
import { IconButton } from '../../parts/icons.tsx'
import type { PageContext } from '../../parts/page-context.ts'
import { usePage } from '../../parts/page-context.ts'
import { definitions } from './definitions.ts'
import {
  differenceWords,
  hourMs,
  lastHour,
  minuteMs,
  moneyOf,
  ordersElsewhere,
  ratio,
} from './figures.ts'
import { catchingUpMs } from '../../live/status.ts'
import { hourBefore } from './yesterday.ts'

interface Kpi {
  id: keyof typeof definitions
  label: string
  amount(frame: LiveFrame): number | null
  print(amount: number | null): string
  full?(frame: LiveFrame): string
  /** Window and what it stands on. */
  stands(frame: LiveFrame): string
  trend?(frame: LiveFrame): number[]
  compared?(frame: LiveFrame): Compared
  /** How long ago the view must have begun for the window to be full. */
  windowMs: number
  historyMetric?: string
}

export function KpiRow(): JSX.Element {
  const page = usePage()
  const list = kpis(page)
  return (
    <ul class="kpis" aria-label="Key figures">
      <For each={list}>{(kpi) => <KpiTile kpi={kpi} />}</For>
    </ul>
  )
}

function KpiTile(props: { kpi: Kpi }): JSX.Element {
  const page = usePage()
  const [isExplained, setExplained] = createSignal(false)
  const frame = page.live.frame
  const isWarm = () => {
    const now = frame()
    return now !== undefined && now.nowMs - now.backToMs >= props.kpi.windowMs
  }
  /** The same figure of the cloud, and how far it is from this one. */
  const otherWords = (here: LiveFrame) => {
    const there = page.cloudLive()?.frame()
    if (!there) return 'cloud —'
    const { amount, print } = props.kpi
    return `cloud ${differenceWords(amount(here), amount(there), print)}`
  }
  const isStale = () => ['stale', 'reconnecting', 'offline'].includes(page.live.status().name)
  return (
    <li class="kpi" classList={{ 'is-stale': isStale() }}>
      <div class="kpi-head">
        <h2>{props.kpi.label}</h2>
        <IconButton
          icon="info"
          label={`${props.kpi.label}: definition`}
          onClick={() => setExplained(true)}
        />
      </div>
      <Show when={frame()} fallback={<div class="kpi-value">—</div>}>
        {(now) => (
          <>
            <div class="kpi-main">
              <Show
                when={props.kpi.historyMetric}
                fallback={<Value kpi={props.kpi} frame={now()} />}
              >
                {(metric) => (
                  <A
                    class="kpi-link"
                    href={`/history${page.search()}#${metric()}`}
                    title="Its history"
                  >
                    <Value kpi={props.kpi} frame={now()} />
                  </A>
                )}
              </Show>
              <Show when={props.kpi.trend}>{(trend) => <Sparkline values={trend()(now())} />}</Show>
            </div>
            <p class="kpi-sub">
              <Show when={page.live.source === 'local' && props.kpi.compared}>
                {(compared) => (
                  <Delta compared={compared()(now())} against="yesterday, same time" />
                )}
              </Show>
              <span>{props.kpi.stands(now())}</span>
            </p>
            <Show when={page.url().source === 'diff'}>
              <p class="kpi-other">{otherWords(now())}</p>
            </Show>
            <p class="kpi-age">
              <Age />
              <Show when={!isWarm()}> · warming up</Show>
            </p>
          </>
        )}
      </Show>
      <Show when={isExplained()}>
        <DefinitionDialog
          definition={definitions[props.kpi.id]}
          onClose={() => setExplained(false)}
        />
      </Show>
    </li>
  )
}

function Value(props: { kpi: Kpi; frame: LiveFrame }): JSX.Element {
  return (
    <span class="kpi-value" title={props.kpi.full?.(props.frame)}>
      {props.kpi.print(props.kpi.amount(props.frame))}
    </span>
  )
}

/** How old the figures are, and since when they are provisional. */
export function Age(): JSX.Element {
  const page = usePage()
  const text = () => {
    const frame = page.live.frame()
    if (!frame) return ''
    const age = ageWords(page.live.status().behindMs)
    if (frame.watermarkMs === null) return `${age} · provisional`
    const open = Math.max(0, frame.nowMs - frame.watermarkMs)
    if (open > catchingUpMs) return `catching up, ${duration(open)} to go`
    return `${age} · last ${duration(Math.round(open / 1000) * 1000)} provisional`
  }
  return <>{text()}</>
}

function kpis(page: PageContext): Kpi[] {
  const { rows } = page.live
  // Yesterday is history's, of this machine.
  const isLocal = page.live.source === 'local'
  const nowMs = () => (isLocal ? page.live.frame()?.nowMs : undefined)
  const inMoney = (minor: number | null) => money(minor, page.currency())
  const inCurrency = () => ({ currency: page.currency() })
  const none = () => ({})
  const before = {
    revenue: hourBefore('net_revenue', nowMs, inCurrency),
    orders: hourBefore('orders', nowMs, none),
    abandonment: hourBefore('cart_abandonment_rate_live', nowMs, none),
    conversion: hourBefore('session_conversion_rate', nowMs, none),
    aov: hourBefore('aov', nowMs, inCurrency),
  }
  const valueBefore = (name: keyof typeof before) => before[name].state().data?.value ?? null
  const countBefore = (name: keyof typeof before) => before[name].state().data?.denominator ?? 0
  const elsewhere = createMemo(() => {
    const frame = page.live.frame()
    const others = frame ? ordersElsewhere(frame, page.currency()) : 0
    return others === 0 ? '' : ` · ${count(others)} not in ${page.currency()}`
  })
  const perMinute = (name: Parameters<typeof rows.minutes.get>[0]) => (frame: LiveFrame) =>
    lastHour(frame, (minute) => rows.minutes.get(name, minute))
  const net = (frame: LiveFrame) => {
    const { grossMinor, refundsMinor } = moneyOf(frame, page.currency())
    return grossMinor - refundsMinor
  }
  const aov = (frame: LiveFrame) => {
    const { grossMinor, orders } = moneyOf(frame, page.currency())
    return ratio(grossMinor, orders)
  }
  return [
    {
      id: 'revenue',
      label: 'Net revenue',
      amount: net,
      print: inMoney,
      full: (frame) => exactMoney(net(frame), page.currency()),
      stands: (frame) =>
        `60 min · ${plural(moneyOf(frame, page.currency()).orders, 'order')}${elsewhere()}`,
      trend: (frame) =>
        page.currency() === frame.kpi.currency ? perMinute('grossMinor')(frame) : [],
      compared: (frame) => ({ value: net(frame), before: valueBefore('revenue') }),
      windowMs: hourMs,
      historyMetric: 'net_revenue',
    },
    {
      id: 'orders',
      label: 'Orders per minute',
      amount: (frame) => frame.kpi.orders5m / 5,
      print: count,
      stands: (frame) => `5-min mean · ${plural(frame.kpi.orders5m, 'order')}`,
      trend: perMinute('orders'),
      compared: (frame) => {
        const hour = frame.kpi.money.reduce((sum, each) => sum + each.orders, 0)
        return { value: hour, before: valueBefore('orders') }
      },
      windowMs: 5 * minuteMs,
      historyMetric: 'orders',
    },
    {
      id: 'sessions',
      label: 'Active sessions',
      amount: (frame) => frame.kpi.sessionsActive,
      print: count,
      stands: () => 'with an event in the last 5 min',
      trend: perMinute('sessions'),
      windowMs: 5 * minuteMs,
      historyMetric: 'sessions',
    },
    {
      id: 'abandonment',
      label: 'Cart abandonment',
      amount: ({ kpi: { carts } }) => ratio(carts.abandoned, carts.abandoned + carts.converted),
      print: percent,
      stands: ({ kpi: { carts } }) =>
        `60 min · ${plural(carts.abandoned + carts.converted, 'cart')} closed`,
      trend: (frame) =>
        lastHour(frame, (minute) => {
          const a = rows.minutes.sum('abandoned', minute - 14, minute + 1)
          return ratio(a, a + rows.minutes.sum('converted', minute - 14, minute + 1)) ?? NaN
        }),
      compared: ({ kpi: { carts } }) => ({
        value: ratio(carts.abandoned, carts.abandoned + carts.converted),
        n: carts.abandoned + carts.converted,
        before: valueBefore('abandonment'),
        nBefore: countBefore('abandonment'),
      }),
      windowMs: hourMs,
      historyMetric: 'cart_abandonment_rate_live',
    },
    {
      id: 'conversion',
      label: 'Session conversion',
      amount: ({ kpi }) => ratio(kpi.sessionsBought, kpi.sessionsClosed),
      print: percent,
      stands: ({ kpi }) => `60 min · ${plural(kpi.sessionsClosed, 'session')} closed`,
      trend: (frame) =>
        lastHour(
          frame,
          (minute) =>
            ratio(
              rows.minutes.sum('sessionsBought', minute - 14, minute + 1),
              rows.minutes.sum('sessionsClosed', minute - 14, minute + 1),
            ) ?? NaN,
        ),
      compared: ({ kpi }) => ({
        value: ratio(kpi.sessionsBought, kpi.sessionsClosed),
        n: kpi.sessionsClosed,
        before: valueBefore('conversion'),
        nBefore: countBefore('conversion'),
      }),
      windowMs: hourMs,
      historyMetric: 'session_conversion_rate',
    },
    {
      id: 'aov',
      label: 'Average order value',
      amount: aov,
      print: inMoney,
      full: (frame) => exactMoney(aov(frame), page.currency()),
      stands: (frame) => `60 min · ${plural(moneyOf(frame, page.currency()).orders, 'order')}`,
      compared: (frame) => ({ value: aov(frame), before: valueBefore('aov') }),
      windowMs: hourMs,
      historyMetric: 'aov',
    },
    {
      id: 'carts',
      label: 'Open carts',
      amount: ({ kpi: { carts } }) => carts.open + carts.checkout,
      print: count,
      stands: ({ kpi: { carts } }) => {
        const value = carts.openValue.find((each) => each.currency === page.currency())
        return `now · ${money(value?.valueMinor ?? 0, page.currency())} on the table · ${count(carts.checkout)} in checkout`
      },
      windowMs: hourMs,
    },
    {
      id: 'events',
      label: 'Events per second',
      amount: (frame) => frame.kpi.eventsLast5s / 5,
      print: count,
      stands: () => {
        const latency = page.live.latencyMs()
        return latency
          ? `5-s mean · event to screen p95 ${duration(latency.p95)}`
          : '5-s mean, bots included'
      },
      trend: (frame) => {
        const last = Math.floor(frame.nowMs / 1000) - 1
        return Array.from({ length: 60 }, (_, i) => rows.seconds.get('events', last - 60 + i))
      },
      windowMs: 5000,
      historyMetric: 'events',
    },
  ]
}
