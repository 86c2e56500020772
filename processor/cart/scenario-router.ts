// For tests of the rules of carts alone: raw events to what each key of stage two would hold, without stage one and the
// hop. Place and session, which those find out, a test may write into `extra`.

import type { ListPrice } from '#stack/contract/catalogue.ts'
import type { DeviceClass, EventFlag, ShopEvent } from '#stack/contract/events.ts'
import type { Settings } from '#stack/contract/settings.ts'
import type { CartEvent, Person } from '../model.ts'
import { gatherCarts } from '../why/gather.ts'
import type { KnownEvent } from '../why/gather.ts'

export type Prices = (productId: string) => ListPrice | undefined

/** The events in the order of the log; answers the events of each key in T3 order. */
export function routeAll(
  log: readonly ShopEvent[],
  settings: Settings,
  prices: Prices = () => undefined,
): Map<Person, CartEvent[]> {
  return gatherCarts(
    log.map((event) => known(event, settings, prices)),
    settings,
  ).keys
}

function known(event: ShopEvent, settings: Settings, prices: Prices): KnownEvent {
  const { country = null, device = null, sessionKey = null } = event.extra ?? {}
  return {
    ...event,
    flags: flagsOf(event, settings),
    country: country as string | null,
    device: device as DeviceClass | null,
    sessionKey: sessionKey as string | null,
    listPrices: event.data.items?.map(({ productId }) => prices(productId) ?? null) ?? [],
  }
}

/** T1, R24, 1.6. */
function flagsOf(event: ShopEvent, { allowedLatenessMs }: Settings): EventFlag[] {
  const flags: EventFlag[] = []
  const lagMs = Date.parse(event.receivedAt) - Date.parse(event.eventTime)
  if (lagMs > allowedLatenessMs) flags.push('tooLate')
  if (/bot/i.test(event.context?.userAgent ?? '')) flags.push('bot')
  if (event.context?.test === true) flags.push('test')
  if (event.context?.consent?.analytics === false) flags.push('noConsent')
  return flags
}
