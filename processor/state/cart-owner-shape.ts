// A cart by id, as the hop keeps it, as fields (owner/cart-owner.ts).

import type { CommandInput } from '../model.ts'
import type { CartOwnerState, Destination, NamingEvent, Owner } from '../owner/cart-owner.ts'
import { cartEvent } from './cart-shapes.ts'
import {
  flag,
  id,
  list,
  nullable,
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

const destination: Shape<Destination> = tuple<Destination>(
  text(),
  oneOf<Destination[1]>(['owner', 'elsewhere', 'nobody']),
)

const naming = record<NamingEvent>({
  event: cartEvent,
  sent: list(destination),
  isNew: flag(),
  input: record<CommandInput>({ partition: number(), offset: offset() }),
})

const cartOwner: Shape<Omit<CartOwnerState, 'cartId'>> = record({
  nextOffset: offset(),
  events: list(naming),
  owner: nullable(record<Owner>({ route: text(), source: text(), eventId: id() })),
  toldFromMs: time(),
  home: nullable(record<NonNullable<CartOwnerState['home']>>({ key: text(), move: number() })),
})

const writer = new StateWriter()

export const cartOwnerCodec: StateCodec<CartOwnerState> = {
  encode: (state) => writer.write(cartOwner, state),
  decode: (cartId, bytes) => ({ cartId, ...readState(cartOwner, bytes) }),
}
