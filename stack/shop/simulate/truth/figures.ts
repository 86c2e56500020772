// The figures of events.md 2.7 in a window, by the names of the metric registry: `id`, `id:currency` where it is money,
// and `id@key` where it is split, by product or by months since the first purchase. A ratio without a denominator is
// null, else one division of two integers.

import type { Settings } from '#stack/contract/settings.ts'
import { cartFigures } from './cart-figures.ts'
import type { Facts, Window } from './facts.ts'
import { lies } from './facts.ts'
import { moneyFigures } from './money-figures.ts'
import { peopleFigures } from './people-figures.ts'
import { closesMs, isEngaged } from './sessions.ts'
import type { TrueSession } from './sessions.ts'
import { median, ratio, sum } from './sums.ts'
import type { Figures } from './sums.ts'

export interface FigureContext {
  settings: Settings
  asOfMs: number
}

export function figuresOf(facts: Facts, window: Window, context: FigureContext): Figures {
  return {
    ...sessionFigures(
      facts.sessions.filter(({ startedMs }) => lies(startedMs, window)),
      context,
    ),
    ...peopleFigures(facts, window),
    ...cartFigures(facts, window),
    ...moneyFigures(facts, window),
  }
}

function sessionFigures(
  sessions: readonly TrueSession[],
  { settings, asOfMs }: FigureContext,
): Figures {
  const count = (holds: (session: TrueSession) => boolean) => sessions.filter(holds).length
  const engaged = count(isEngaged)
  const withPurchase = count(({ orders }) => orders > 0)
  const durations = sessions
    .filter((session) => asOfMs >= closesMs(session, settings))
    .map(({ startedMs, endedMs }) => endedMs - startedMs)
  const figures: Figures = {
    sessions: sessions.length,
    engaged_sessions: engaged,
    bounce_rate: ratio(sessions.length - engaged, sessions.length),
    sessions_with_purchase: withPurchase,
    session_conversion_rate: ratio(withPurchase, sessions.length),
    session_duration_mean_ms: ratio(sum(durations), durations.length),
    session_duration_median_ms: median(durations),
  }
  const closed = (step: number) => count(({ closedSteps }) => closedSteps >= step)
  for (const step of [1, 2, 3, 4]) {
    figures[`funnel_closed_s${step}`] = closed(step)
    figures[`funnel_open_s${step}`] = count(({ openSteps }) => openSteps.has(step))
    if (step > 1) figures[`funnel_closed_rate_s${step}`] = ratio(closed(step), closed(step - 1))
  }
  return figures
}
