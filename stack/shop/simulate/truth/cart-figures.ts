// Carts in a window (2.7): verdicts by the time of the verdict, purchases by theirs, cohorts by the start of the cart.

import type { Episode } from './episode.ts'
import { valueOf } from './episode.ts'
import type { Facts, Window } from './facts.ts'
import { lies } from './facts.ts'
import { currenciesOf } from './money-figures.ts'
import { ratio, sum } from './sums.ts'
import type { Figures } from './sums.ts'

export function cartFigures(facts: Facts, window: Window): Figures {
  const { episodes } = facts
  const verdicts = episodes.filter(({ abandonedMs }) => lies(abandonedMs, window))
  const bought = episodes.filter(({ order }) => lies(order?.atMs, window))
  const recovered = bought.filter(isRecovered)
  const conversions = bought.filter(isConversion).length
  const cohort = episodes.filter(
    ({ state, startedMs }) => state !== 'merged' && lies(startedMs, window),
  )
  const emptied = cohort.filter(({ state }) => state === 'emptied').length
  const kept = cohort.filter(isBought).length
  const checkouts = cohort.filter(({ stage }) => stage > 0)
  const checkoutsBought = checkouts.filter(isBought).length
  return {
    abandonments: verdicts.length,
    conversions,
    recoveries: recovered.length,
    carts_started: cohort.length,
    carts_emptied: emptied,
    carts_bought: kept,
    cart_abandonment_rate_live: ratio(verdicts.length, verdicts.length + conversions),
    cart_abandonment_rate_cohort: ratio(cohort.length - emptied - kept, cohort.length - emptied),
    cart_abandonment_rate_strict: ratio(cohort.length - kept, cohort.length),
    recovery_rate: ratio(recovered.length, verdicts.length),
    recovery_rate_cohort: ratio(verdicts.filter(isRecovered).length, verdicts.length),
    checkout_abandonment_rate: ratio(checkouts.length - checkoutsBought, checkouts.length),
    ...valueFigures(facts, verdicts, recovered),
  }
}

function valueFigures(
  facts: Facts,
  verdicts: readonly Episode[],
  recovered: readonly Episode[],
): Figures {
  const figures: Figures = {}
  const values = verdicts.map(valueIn)
  for (const currency of currenciesOf(facts)) {
    figures[`abandoned_value:${currency}`] = sum(
      values.map((value) => (value?.currency === currency ? value.valueMinor : 0)),
    )
    figures[`recovered_value:${currency}`] = sum(
      recovered.map(({ order }) =>
        order?.currency === currency ? (order.merchandiseMinor ?? 0) : 0,
      ),
    )
  }
  return figures
}

/** Unknown values are left out. */
function valueIn(episode: Episode): { valueMinor: number; currency: string } | undefined {
  const valueMinor = valueOf(episode)
  const currency = episode.prices.values().next().value?.currency
  return valueMinor === null || currency === undefined ? undefined : { valueMinor, currency }
}

function isRecovered({ state }: Episode): boolean {
  return state === 'recovered'
}

function isBought({ state }: Episode): boolean {
  return state === 'converted' || state === 'recovered'
}

/** C: neither abandoned itself nor gone on from an abandoned one, whose recovery that purchase is. */
function isConversion({ state, from }: Episode): boolean {
  return state === 'converted' && from === undefined
}
