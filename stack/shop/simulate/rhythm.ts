// When visitors arrive. Time is cut into buckets of ten minutes; how many new visitors a bucket has follows from the
// hour and the day in the visitors' own zones, the shop's growth, its weekly sale, and (from the opening on) the
// live rate. A bucket's visitors are numbered, so more of them never change the earlier ones.

import { Random } from '#stack/base/random.ts'
import { dayMs, hourMs, minuteMs } from '#stack/base/units.ts'
import { markets } from './markets.ts'
import { saleAt, saleLengthMs } from './sales.ts'

export const bucketMs = 10 * minuteMs

export interface Rhythm {
  seed: number
  /** The moment the shop goes live: growth, sales and the live rate count from it. */
  openingMs: number
  /** New visitors on an average day before the opening. */
  visitorsPerDay: number
  /** New visitors per second after the opening; 0 goes on as before. */
  liveVisitorsPerSecond: number
  /** The same for the hour before it, when the opening sale has begun. */
  openingVisitorsPerSecond: number
}

/** Visits by hour of the day, 0 to 23 (events.md 4). */
const hourIndex = [
  104, 75, 50, 33, 25, 22, 28, 40, 57, 75, 103, 125, 142, 151, 149, 145, 138, 136, 134, 132, 132,
  134, 133, 123,
]
const hourMean = hourIndex.reduce((a, b) => a + b) / 24
export const hourPeak = Math.max(...hourIndex) / hourMean

/** Sunday first, as getUTCDay counts. */
const dayFactors = [0.98, 1.05, 1.02, 1, 1.08, 0.97, 0.9]

const growthPerDay = 0.017
/** A month before the opening the shop has 0.75 of its average traffic, at the opening 1.25. */
const growthAtOpening = 1.25
const saleFactor = 3
/** The opening sale fills up while people hear of it. */
const rampMs = 20 * minuteMs
/** What is left of the live rate when no sale is on. */
const quietLiveFactor = 0.6
const monthDays = 30
const monthlyAverage = monthlyMean()

/** How lively the visitor's own hour and day are; 1 on average. */
export function localRhythm(timeMs: number, utcOffsetHours: number): number {
  const localMs = timeMs + utcOffsetHours * hourMs
  const hours = (((localMs % dayMs) + dayMs) % dayMs) / hourMs
  const hour = Math.floor(hours)
  const from = hourIndex[hour] as number
  const to = hourIndex[(hour + 1) % 24] as number
  // 1970-01-01 was a Thursday.
  const weekday = (((Math.floor(localMs / dayMs) + 4) % 7) + 7) % 7
  return ((from + (to - from) * (hours - hour)) / hourMean) * (dayFactors[weekday] as number)
}

/** How likely a visitor who comes at this time is of each market. */
export function marketWeights(timeMs: number): number[] {
  return markets.map((market) => market.share * localRhythm(timeMs, market.utcOffsetHours))
}

/** Expected new visitors in the bucket that starts at `bucketStartMs`. */
export function expectedVisitors(rhythm: Rhythm, bucketStartMs: number): number {
  const middleMs = bucketStartMs + bucketMs / 2
  const everyday = everydayVisitors(rhythm, middleMs)
  const live = (liveVisitorsPerSecond(rhythm, middleMs) * bucketMs) / 1000
  return Math.max(everyday, live)
}

/** How many there are: the expected number, rounded up or down by the bucket's own chance. */
export function visitorCount(rhythm: Rhythm, bucketStartMs: number): number {
  const chance = new Random(`${rhythm.seed}/bucket/${bucketStartMs / bucketMs}`).float()
  return Math.floor(expectedVisitors(rhythm, bucketStartMs) + chance)
}

function everydayVisitors(rhythm: Rhythm, timeMs: number): number {
  const days = (timeMs - rhythm.openingMs) / dayMs
  // Growth ends with the opening: what comes after is the live rate's business.
  const growth = growthAtOpening * Math.exp(growthPerDay * Math.min(0, days))
  const sale = saleAt(rhythm.openingMs, timeMs) ? saleFactor : 1
  const perBucket = (rhythm.visitorsPerDay * bucketMs) / (dayMs * monthlyAverage)
  return perBucket * growth * sale * worldRhythm(timeMs)
}

/** Full during the opening sale, less in everyday traffic, following the hours from where the opening was. */
function liveVisitorsPerSecond(rhythm: Rhythm, timeMs: number): number {
  const sale = saleAt(rhythm.openingMs, timeMs)
  if (timeMs < rhythm.openingMs) {
    const isOpeningSale = sale !== null && rhythm.openingMs < sale.toMs
    const level = isOpeningSale ? Math.min(1, (timeMs - sale.fromMs) / rampMs) : 0
    return rhythm.openingVisitorsPerSecond * level
  }
  const hours = worldRhythm(timeMs) / worldRhythm(rhythm.openingMs)
  const level = (sale ? 1 : quietLiveFactor) * Math.min(1.3, Math.max(0.6, hours))
  return rhythm.liveVisitorsPerSecond * level
}

/** The same over all markets. */
export function worldRhythm(timeMs: number): number {
  let sum = 0
  for (const { share, utcOffsetHours } of markets)
    sum += share * localRhythm(timeMs, utcOffsetHours)
  return sum
}

/** Average of growth and sales over the month before the opening. */
function monthlyMean(): number {
  const days = Array.from({ length: monthDays }, (_, i) => Math.exp(-growthPerDay * (i + 0.5)))
  const growth = (growthAtOpening * days.reduce((a, b) => a + b)) / monthDays
  return growth * (1 + ((saleFactor - 1) * saleLengthMs) / (7 * dayMs))
}
