// What the rules may do with an event, decided from the event alone: lateness (T1), bots, tests and consent (R24, 1.6),
// activity (R12), links (R2), and whether it can act on a cart. Never from the run, so every run decides alike.

import { cartEventNames, inactiveEventNames } from '#stack/contract/events.ts'
import type { EventFlag, EventName } from '#stack/contract/events.ts'
import type { Settings } from '#stack/contract/settings.ts'
import type { ReadEvent } from './reading.ts'

export interface Standing {
  flags: EventFlag[]
  /** Neither bot, test, without consent nor too late: the rules see it. Others are only told on. */
  isRuled: boolean
  /** R12. */
  isActivity: boolean
  isServer: boolean
  /** R2: it ties its anonymousId to its userId. Server-only events do, too. */
  isLink: boolean
  /** It can change a cart, or close one. */
  isCartEvent: boolean
}

type StandingSettings = Pick<
  Settings,
  'allowedLatenessMs' | 'watermarkDelayMs' | 'serverSources' | 'defaultCurrency'
>

/** Flags that only stage one gives; a producer's own word on them does not count. */
const ownFlags: ReadonlySet<EventFlag> = new Set(['late', 'tooLate', 'bot', 'test'])

/** Those that act on carts. */
export const cartNames: ReadonlySet<EventName> = new Set(cartEventNames)
const inactiveNames: ReadonlySet<EventName> = new Set(inactiveEventNames)

export function standingOf(
  event: ReadEvent,
  { lagMs, isBot }: { lagMs: number; isBot: boolean },
  settings: StandingSettings,
): Standing {
  const isTooLate = lagMs > settings.allowedLatenessMs
  const isLate = !isTooLate && lagMs > settings.watermarkDelayMs
  const { isTest } = event
  const hasNoConsent = event.flags?.includes('noConsent') === true
  const isRuled = !(isTooLate || isBot || isTest || hasNoConsent)
  const isServer = settings.serverSources.includes(event.source)
  return {
    flags: flagsOf(event.flags, { isTooLate, isLate, isBot, isTest }),
    isRuled,
    isServer,
    isActivity: isRuled && !isServer && !inactiveNames.has(event.name),
    isLink: isRuled && event.anonymousId !== undefined && event.userId !== undefined,
    isCartEvent: isRuled && cartNames.has(event.name),
  }
}

interface Findings {
  isTooLate: boolean
  isLate: boolean
  isBot: boolean
  isTest: boolean
}

const noFlags: EventFlag[] = []

function flagsOf(given: readonly EventFlag[] | undefined, found: Findings): EventFlag[] {
  const { isTooLate, isLate, isBot, isTest } = found
  if (given === undefined && !isTooLate && !isLate && !isBot && !isTest) return noFlags
  const flags = (given ?? noFlags).filter((flag) => !ownFlags.has(flag))
  if (isTooLate) flags.push('tooLate')
  if (isLate) flags.push('late')
  if (isBot) flags.push('bot')
  if (isTest) flags.push('test')
  return flags.sort()
}
