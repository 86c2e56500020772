// A visitor's state as fields (visitor.ts).

import { eventNames } from '#stack/contract/events.ts'
import type { PublishedSession, SeenId, VisitorEvent, VisitorState } from '../visitor.ts'
import { campaign, cartData } from './cart-shapes.ts'
import {
  flag,
  id,
  list,
  nullable,
  optional,
  number,
  offset,
  oneOf,
  record,
  text,
  time,
  tuple,
} from './shapes.ts'
import type { Shape } from './shapes.ts'
import { readState } from './state-reader.ts'
import { StateWriter } from './state-writer.ts'
import type { StateCodec } from './states.ts'

const page = record<NonNullable<VisitorEvent['page']>>({ url: id(), referrer: text() })

const event = record<VisitorEvent>({
  offset: offset(),
  timeMs: time(),
  receivedMs: time(),
  name: oneOf(eventNames),
  source: text(),
  eventId: id(),
  seq: number(),
  page: optional(page),
  userId: text(),
  cartId: text(),
  isActivity: flag(),
  isServer: flag(),
  isLink: flag(),
  isCartEvent: flag(),
  isFinal: flag(),
  country: text(),
  device: text(),
  campaign: nullable(campaign),
  marketing: flag(),
  data: optional(cartData),
  sessionKey: text(),
  sent: text(),
})

const session = record<PublishedSession>({
  key: text(),
  openedBy: offset(),
  revision: number(),
  print: text(),
  closesMs: time(),
  isGone: flag(),
})

const visitor: Shape<Omit<VisitorState, 'visitor'>> = record({
  nextOffset: offset(),
  events: list(event),
  seen: list(tuple<SeenId>(text(), id(), time(), offset())),
  sessions: list(session),
  linked: nullable(record<NonNullable<VisitorState['linked']>>({ first: text(), last: text() })),
  pastOrders: list(text()),
  home: nullable(record<NonNullable<VisitorState['home']>>({ route: text(), move: number() })),
  namesCartsFromMs: time(),
})

const writer = new StateWriter()

export const visitorCodec: StateCodec<VisitorState> = {
  encode: (state) => writer.write(visitor, state),
  decode: (key, bytes) => ({ visitor: key, ...readState(visitor, bytes) }),
}
