// How orderly the simulated world is. Shares are of sessions where people differ, of events where delivery does.
// `calm` stays below the watermark delay and has only bots that say so; `demo` is what `start` shows; `full` is
// events.md section 4 with late, wrong, doubled and second-hand events.

import { hourMs, minuteMs, secondMs } from '#stack/base/units.ts'

export interface DelayBand {
  share: number
  fromMs: number
  toMs: number
}

export interface Profile {
  /** How much likelier than usual a visit fills a cart; more of it puts more rules into a small world. */
  cartFactor: number
  /** Crawlers whose user agent says so. */
  declaredBotShare: number
  /** Bots with a person's user agent, faster than any person (R24). */
  fastBotShare: number
  /** Visitors that refuse analytics (events.md 1.6). */
  noConsentShare: number
  /** The shop's own people trying things, `context.test`. */
  testShare: number
  /** receivedAt - eventTime, by share of events. */
  delays: readonly DelayBand[]
  duplicateShare: number
  /** Of the copies: those that come when stage one has long forgotten the event (T4). */
  lateCopyShare: number
  /** Records that are no event, beside the others. */
  malformedShare: number
  /** Visits from a device whose clock runs hours behind and that sends no second clock to correct it with. */
  wrongClockShare: number
  /** Of people with an account: those who use a second device. */
  secondDeviceShare: number
  /** Orders that the shop's order service reports too, a moment later. */
  orderServiceShare: number
  /** Of those: orders that the browser never reports. */
  orderServiceOnlyShare: number
}

const orderly: Profile = {
  cartFactor: 1,
  declaredBotShare: 0.08,
  fastBotShare: 0,
  noConsentShare: 0.02,
  testShare: 0.002,
  delays: [
    { share: 0.97, fromMs: 0, toMs: 3 * secondMs },
    { share: 0.03, fromMs: 3 * secondMs, toMs: 25 * secondMs },
  ],
  duplicateShare: 0.007,
  lateCopyShare: 0,
  malformedShare: 0,
  wrongClockShare: 0,
  secondDeviceShare: 0,
  orderServiceShare: 0,
  orderServiceOnlyShare: 0,
}

export const profiles = {
  calm: orderly,
  demo: {
    ...orderly,
    fastBotShare: 0.001,
    delays: [
      { share: 0.97, fromMs: 0, toMs: 3 * secondMs },
      { share: 0.025, fromMs: 3 * secondMs, toMs: 25 * secondMs },
      { share: 0.005, fromMs: 25 * secondMs, toMs: 5 * minuteMs },
    ],
    malformedShare: 0.001,
  },
  full: {
    ...orderly,
    // A bot comes once, a person more often: of visits these are 8 and 4 %.
    declaredBotShare: 0.141,
    fastBotShare: 0.0705,
    delays: [
      { share: 0.97, fromMs: 0, toMs: 5 * secondMs },
      { share: 0.02, fromMs: 5 * secondMs, toMs: 5 * minuteMs },
      { share: 0.009, fromMs: 5 * minuteMs, toMs: 24 * hourMs },
      { share: 0.001, fromMs: 24 * hourMs + 1, toMs: 40 * hourMs },
    ],
    lateCopyShare: 0.05,
    malformedShare: 0.002,
    wrongClockShare: 0.005,
    secondDeviceShare: 0.4,
    orderServiceShare: 0.25,
    orderServiceOnlyShare: 0.2,
  },
} as const satisfies Record<string, Profile>

export type ProfileName = keyof typeof profiles
