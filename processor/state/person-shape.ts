// What stage two keeps of a person, as fields (person.ts, cart/deed.ts). What is kept by name is written as a list of
// names with their values.

import { cartStages, retractionReasons } from '#stack/contract/cart.ts'
import type {
  AbandonmentRecord,
  AbandonmentStatus,
  CartFlag,
  CartLine,
  CurrencyValue,
} from '#stack/contract/cart.ts'
import type { Home } from '../cart/deed.ts'
import type { Repeats, Reported, ToldRepeats } from '../cart/orders.ts'
import type { PublishedCart, PublishedVerdict } from '../cart/published.ts'
import type { EpisodeStart } from '../cart/retraction.ts'
import type { PersonBase } from '../cart/world.ts'
import type { PersonState } from '../person.ts'
import { campaign, cartEvent } from './cart-shapes.ts'
import { flag, id, list, number, oneOf, record, text, time, tuple } from './shapes.ts'
import type { Shape } from './shapes.ts'
import { readState } from './state-reader.ts'
import { StateWriter } from './state-writer.ts'
import type { StateCodec } from './states.ts'

type Named<T> = [name: string, value: T][]

function named<T>(value: Shape<T>): Shape<Named<T>> {
  return list(tuple<[string, T]>(text(), value))
}

const reported = list(tuple<[string, Reported[]]>(text(), list(tuple<Reported>(text(), text()))))

const base: Shape<PersonBase> = record<PersonBase>({
  carts: list(
    record<PersonBase['carts'][number]>({
      key: text(),
      cartId: text(),
      owner: text(),
      episodeCount: number(),
    }),
  ),
  orders: reported,
  closings: reported,
  lastUnsuppressed: list(tuple<[string, number]>(text(), time())),
})

const line = record<CartLine>({
  productId: text(),
  variantId: text(),
  quantity: number(),
  unitPriceMinor: number(),
  discountMinor: number(),
  valueMinor: number(),
  currency: text(),
})

/** In the order in which cart/rows.ts writes a verdict, since verdicts are compared as text. */
const verdictRecord: Shape<AbandonmentRecord> = record<AbandonmentRecord>({
  abandonmentId: text(),
  status: oneOf<AbandonmentStatus>(['abandoned', 'recovered', 'retracted', 'lost']),
  stage: oneOf(cartStages),
  cartKey: text(),
  cartId: text(),
  episode: number(),
  anonymousId: text(),
  userId: text(),
  personId: text(),
  startedAt: id(),
  lastActivityAt: id(),
  abandonedAt: id(),
  windowMs: number(),
  items: list(line),
  itemCount: number(),
  units: number(),
  valueMinor: number(),
  currency: text(),
  currencyMixed: flag(),
  valueByCurrency: list(record<CurrencyValue>({ currency: text(), valueMinor: number() })),
  declaredValueMinor: number(),
  flags: list(oneOf<CartFlag>(['totalMismatch', 'underflow'])),
  sessionKeys: list(text()),
  country: text(),
  device: text(),
  campaign,
  contactable: flag(),
  suppressed: flag(),
  recoveredOrderId: text(),
  recoveredAt: id(),
  recoveredValueMinor: number(),
  recoveredCurrency: text(),
  schemaVersion: oneOf<'1.0'>(['1.0']),
  reason: oneOf<AbandonmentRecord['reason']>(retractionReasons),
  revision: number(),
  processedAt: id(),
})

const verdict = record<PublishedVerdict>({
  record: verdictRecord,
  start: record<EpisodeStart>({ source: text(), eventId: text() }),
  isDoubtful: flag(),
})

const move = record<Home['away']>({ move: number(), to: text(), toldFromMs: number() })

const home = record<Home>({
  hereMove: number(),
  deedMove: number(),
  away: move,
  unserved: list(move),
  cutMs: time(),
  sinceMs: time(),
})

/** A person's state without its key, with lists for what is kept by name. */
type Kept = Omit<PersonState, 'key' | 'published' | 'homes' | 'repeats' | 'toldRepeats'> & {
  carts: Named<PublishedCart>
  verdicts: Named<PublishedVerdict>
  homes: Named<Home>
  repeats: Named<Repeats[string]>
  toldRepeats: Named<ToldRepeats[string]>
}

const person: Shape<Kept> = record<Kept>({
  taken: number(),
  wakeMs: time(),
  letGoMs: time(),
  events: list(cartEvent),
  base,
  carts: named(record<PublishedCart>({ revision: number(), print: text() })),
  verdicts: named(verdict),
  homes: named(home),
  repeats: named(record<Repeats[string]>({ source: text(), eventId: text(), owner: text() })),
  toldRepeats: named(list(text())),
  cutMs: time(),
})

const writer = new StateWriter()

export const personCodec: StateCodec<PersonState> = {
  encode({ published, homes, repeats, toldRepeats, ...rest }) {
    const kept: Kept = {
      ...rest,
      carts: Object.entries(published.carts),
      verdicts: Object.entries(published.verdicts),
      homes: Object.entries(homes),
      repeats: Object.entries(repeats),
      toldRepeats: Object.entries(toldRepeats),
    }
    return writer.write(person, kept)
  },
  decode(key, bytes) {
    const { carts, verdicts, homes, repeats, toldRepeats, ...rest } = readState(person, bytes)
    return {
      key,
      ...rest,
      published: { carts: Object.fromEntries(carts), verdicts: Object.fromEntries(verdicts) },
      homes: Object.fromEntries(homes),
      repeats: Object.fromEntries(repeats),
      toldRepeats: Object.fromEntries(toldRepeats),
    }
  },
}
