// What can be known of an event from outside it: where its address lies, what its user agent says, what the catalogue
// asked at its time. The address itself goes no further (1.6).

import type { Catalogue, ListPrice } from '#stack/contract/catalogue.ts'
import type { ProductFacts } from '#stack/contract/events.ts'
import type { ReadEvent } from '../validate/reading.ts'
import { createAgentReader } from './agent.ts'
import type { Agent } from './agent.ts'
import { nowhere } from './geography.ts'
import type { Place, PlaceOf } from './geography.ts'

export interface Surroundings {
  place: Place
  agent: Agent
  /** Per item, in order; undefined where no item has one. */
  listPrices: (ListPrice | null)[] | undefined
  /** The same of a purchase's items: its order lines have no other source for what they leave out. */
  products: (ProductFacts | null)[] | undefined
}

export type Enricher = (event: Enrichable) => Surroundings

type Enrichable = Pick<ReadEvent, 'name' | 'ip' | 'userAgent' | 'data' | 'timeMs'>

export interface EnricherSources {
  catalogue: Pick<Catalogue, 'listPriceAt' | 'product'>
  placeOf: PlaceOf
}

export function createEnricher({ catalogue, placeOf }: EnricherSources): Enricher {
  const readAgent = createAgentReader()
  return ({ name, ip, userAgent, data, timeMs }) => ({
    place: ip === undefined ? nowhere : placeOf(ip),
    agent: readAgent(userAgent),
    listPrices: listPricesOf(data, timeMs, catalogue),
    products: name === 'purchase' ? productsOf(data, catalogue) : undefined,
  })
}

function listPricesOf(
  data: ReadEvent['data'],
  timeMs: number,
  catalogue: EnricherSources['catalogue'],
): Surroundings['listPrices'] {
  if (data?.items === undefined) return undefined
  let isAnyKnown = false
  const prices = data.items.map(({ productId }) => {
    const price = catalogue.listPriceAt(productId, timeMs, data.currency)
    isAnyKnown ||= price !== null
    return price
  })
  return isAnyKnown ? prices : undefined
}

function productsOf(
  data: ReadEvent['data'],
  catalogue: EnricherSources['catalogue'],
): Surroundings['products'] {
  const products = data?.items?.map(({ productId }) => {
    const product = catalogue.product(productId)
    if (product === undefined) return null
    const { name, brand, category } = product
    return { name, brand, category }
  })
  return products?.some((product) => product !== null) ? products : undefined
}
