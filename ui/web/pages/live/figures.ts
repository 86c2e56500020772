// The figures of the Live page from a frame and the rows behind it. Pure: what a tile shows can be tested without a
// browser.

import type { CurrencyMoney, LiveFrame } from '../../../api/live/frame.ts'
import type { LiveState } from '../../live/rings.ts'

export const minuteMs = 60_000
export const hourMs = 60 * minuteMs

type Rows = Pick<LiveState, 'seconds' | 'minutes'>

/** One division of two integers; null where there is nothing to divide by. */
export function ratio(numerator: number, denominator: number): number | null {
  return denominator === 0 ? null : numerator / denominator
}

export function moneyOf(frame: LiveFrame, currency: string): CurrencyMoney {
  return (
    frame.kpi.money.find((money) => money.currency === currency) ?? {
      currency,
      orders: 0,
      grossMinor: 0,
      refundsMinor: 0,
      unknown: 0,
    }
  )
}

/** Orders that a money tile leaves out, since currencies are never added. */
export function ordersElsewhere(frame: LiveFrame, currency: string): number {
  return frame.kpi.money.reduce(
    (sum, money) => sum + (money.currency === currency ? 0 : money.orders),
    0,
  )
}

/** A figure of the cloud beside that of this machine, and cloud minus local. */
export function differenceWords(
  local: number | null,
  cloud: number | null,
  print: (amount: number | null) => string,
): string {
  const there = print(cloud)
  if (local === null || cloud === null) return there
  const difference = print(cloud - local)
  if (cloud === local || difference === print(0)) return `${there} · equal`
  return `${there} · ${cloud > local ? '+' : ''}${difference}`
}

export const minuteOf = (ms: number): number => Math.floor(ms / minuteMs)

/** One value a minute of the last hour, the present minute last. */
export function lastHour(frame: LiveFrame, value: (minute: number) => number): number[] {
  const last = minuteOf(frame.nowMs)
  return Array.from({ length: 60 }, (_, i) => value(last - 59 + i))
}

export interface RatePoint {
  minute: number
  abandoned: number
  converted: number
  /** Over the minutes before, this one included. */
  rate: number
  low: number
  high: number
}

export const rateOverMin = 15

/** The abandonment rate of each of the last 60 minutes over the 15 minutes up to it, with its 95 % interval. */
export function abandonmentPoints(frame: LiveFrame, { minutes }: Rows): RatePoint[] {
  const last = minuteOf(frame.nowMs)
  return Array.from({ length: 60 }, (_, i) => {
    const minute = last - 59 + i
    const from = minute - rateOverMin + 1
    const a = minutes.sum('abandoned', from, minute + 1)
    const n = a + minutes.sum('converted', from, minute + 1)
    const { low, high } = wilson(a, n)
    return {
      minute,
      abandoned: minutes.get('abandoned', minute),
      converted: minutes.get('converted', minute),
      rate: n === 0 ? NaN : a / n,
      low,
      high,
    }
  })
}

/** Wilson's score interval for a proportion, 95 %. */
export function wilson(successes: number, n: number): { low: number; high: number } {
  if (n === 0) return { low: NaN, high: NaN }
  const z = 1.959964
  const p = successes / n
  const middle = p + (z * z) / (2 * n)
  const margin = z * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n))
  const scale = 1 + (z * z) / n
  return {
    low: Math.max(0, (middle - margin) / scale),
    high: Math.min(1, (middle + margin) / scale),
  }
}

export interface PurchaseColumns {
  x: Float64Array
  perSecond: Float64Array
  mean: Float64Array
  fromMs: number
  toMs: number
}

/** The longer the window, the calmer the line: how far its mean reaches to each side, by the window's minutes. */
const meanReachByWindow: Readonly<Record<number, number>> = { 1: 5, 5: 15, 15: 60, 60: 180 }
const pointsMax = 900
const coarseS = 5

export const meanReachS = (windowMin: number): number => meanReachByWindow[windowMin] ?? coarseS

/** A stretch of whole seconds that is looked at more closely. */
export interface Examined {
  fromMs: number
  toMs: number
}

/** Purchases per second of the window: single seconds up to 15 minutes, five-second means above. */
export function purchaseColumns(
  frame: LiveFrame,
  { seconds }: Rows,
  windowMin: number,
  examined?: Examined,
): PurchaseColumns {
  const toMs = examined?.toMs ?? frame.nowMs
  const lengthS = examined ? (examined.toMs - examined.fromMs) / 1000 + 1 : windowMin * 60
  const step = lengthS <= pointsMax ? 1 : coarseS
  const last = Math.floor(toMs / 1000 / step) * step
  const count = Math.ceil(lengthS / step)
  const first = last - (count - 1) * step
  const reach = meanReachS(windowMin)
  const present = Math.floor(frame.nowMs / 1000)
  const x = new Float64Array(count)
  const perSecond = new Float64Array(count)
  const mean = new Float64Array(count)
  for (let i = 0; i < count; i++) {
    const second = first + i * step
    x[i] = second * 1000
    perSecond[i] = seconds.sum('orders', second, second + step) / step
    mean[i] = weightedMean((at) => seconds.get('orders', at), second, reach, present)
  }
  return { x, perSecond, mean, fromMs: first * 1000, toMs: last * 1000 }
}

/**
 * The mean of the seconds around one, the nearer the more: weights fall evenly to nothing `reach` seconds away.
 * Seconds that are still to come have no weight, so that the line does not droop at its end.
 */
function weightedMean(
  valueAt: (second: number) => number,
  second: number,
  reach: number,
  present: number,
): number {
  let sum = 0
  let weights = 0
  for (let at = second - reach + 1; at < second + reach && at <= present; at++) {
    const weight = reach - Math.abs(at - second)
    sum += weight * valueAt(at)
    weights += weight
  }
  return weights === 0 ? 0 : sum / weights
}
