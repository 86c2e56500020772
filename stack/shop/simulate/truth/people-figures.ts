// Persons in a window (2.7), the retroactive ones of R2: who was active, new, buying, how far each came from their first
// product, who looked at and added which product, and which buyers of a month came back in later ones.

import { dayMs } from '#stack/base/units.ts'
import type { Facts, PersonAct, Window } from './facts.ts'
import { lies } from './facts.ts'
import { ratio } from './sums.ts'
import type { Figures } from './sums.ts'

export function peopleFigures(facts: Facts, window: Window): Figures {
  const persons = [...facts.persons.values()]
  const active = persons.filter((acts) => acts.some(({ act }) => lies(act.timeMs, window))).length
  const news = persons.filter(([first]) => lies(first?.act.timeMs, window)).length
  const buyers = buyersIn(facts, window)
  return {
    active_users: active,
    new_users: news,
    returning_users: active - news,
    buyers,
    user_conversion_rate: ratio(buyers, active),
    ...funnelFigures(persons, window),
    ...interestFigures(facts, window),
    ...retentionFigures(facts, window),
  }
}

function buyersIn({ orders }: Facts, window: Window): number {
  const bought = orders.filter(({ order }) => lies(order.act.timeMs, window))
  return new Set(bought.flatMap(({ person }) => person ?? [])).size
}

const funnelWithinMs = 7 * dayMs

function funnelFigures(persons: readonly PersonAct[][], window: Window): Figures {
  const reached = persons.map((acts) => stepsFrom(acts, window))
  const figures: Figures = {}
  for (const step of [1, 2, 3, 4]) {
    figures[`funnel_person_s${step}`] = reached.filter((steps) => steps >= step).length
  }
  return figures
}

/** From the first product in the window: how many steps follow one another in T3 order, each within a week of it. */
function stepsFrom(acts: readonly PersonAct[], window: Window): number {
  const first = acts.findIndex(({ act, step }) => step === 1 && lies(act.timeMs, window))
  if (first < 0) return 0
  const untilMs = (acts[first] as PersonAct).act.timeMs + funnelWithinMs
  let steps = 1
  for (const { act, step } of acts.slice(first)) {
    if (step === steps + 1 && act.timeMs < untilMs) steps++
  }
  return steps
}

/** Persons by product; without a product, persons with any. */
function interestFigures({ persons }: Facts, window: Window): Figures {
  const viewers = new Map<string, number>()
  const adders = new Map<string, number>()
  for (const acts of persons.values()) {
    countProducts(viewers, acts, 'view_item', window)
    countProducts(adders, acts, 'add_to_cart', window)
  }
  const figures: Figures = {}
  const products = new Set([...viewers.keys(), ...adders.keys(), ''])
  for (const product of products) {
    const key = product === '' ? '' : `@${product}`
    const viewed = viewers.get(product) ?? 0
    const added = adders.get(product) ?? 0
    figures[`product_viewers${key}`] = viewed
    figures[`product_adders${key}`] = added
    figures[`add_to_cart_rate${key}`] = ratio(added, viewed)
  }
  return figures
}

function countProducts(
  counts: Map<string, number>,
  acts: readonly PersonAct[],
  name: string,
  window: Window,
): void {
  const products = new Set<string>()
  for (const { act } of acts) {
    if (act.event.name !== name || !lies(act.timeMs, window)) continue
    for (const { productId } of act.event.data.items ?? []) products.add(productId)
  }
  if (products.size > 0) products.add('')
  for (const product of products) counts.set(product, (counts.get(product) ?? 0) + 1)
}

/** Of the persons whose first order lies in the window: how many ordered k calendar months after it. */
function retentionFigures({ orders }: Facts, window: Window): Figures {
  const byPerson = new Map<string, number[]>()
  for (const { order, person } of orders) {
    if (person === null) continue
    byPerson.set(person, [...(byPerson.get(person) ?? []), order.act.timeMs])
  }
  const figures: Figures = { retention_cohort: 0 }
  for (const times of byPerson.values()) {
    const firstMs = Math.min(...times)
    if (!lies(firstMs, window)) continue
    const first = monthOf(firstMs, window.zone)
    const months = new Set(times.map((timeMs) => `@${monthOf(timeMs, window.zone) - first}`))
    for (const key of ['', ...months]) {
      figures[`retention_cohort${key}`] = (figures[`retention_cohort${key}`] ?? 0) + 1
    }
  }
  return figures
}

/** Months since the year 0, by the zone's calendar. */
function monthOf(timeMs: number, zone: string): number {
  const parts = new Intl.DateTimeFormat('en', {
    timeZone: zone,
    year: 'numeric',
    month: 'numeric',
  }).formatToParts(timeMs)
  const part = (type: string) => Number(parts.find((each) => each.type === type)?.value)
  return part('year') * 12 + part('month')
}
