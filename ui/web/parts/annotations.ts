// What happened in the shop, as stretches of charts: sales.

import type { Accessor } from 'solid-js'
import type { Annotation } from '../../api/shop.ts'
import { createQuery } from './query.ts'

export interface Stretch {
  fromMs: number
  toMs: number
  label: string
}

const freshMs = 60_000

/** Of a span; an empty list until the shop has answered, and when it does not. */
export function createAnnotations(
  span: Accessor<{ fromMs: number; toMs: number } | undefined>,
): Accessor<Stretch[]> {
  const query = createQuery<{ annotations: Annotation[] }>(() => {
    const of = span()
    if (!of) return undefined
    const iso = (ms: number) => new Date(ms).toISOString()
    const params = new URLSearchParams({ from: iso(of.fromMs), to: iso(of.toMs) })
    return `/api/shop/annotations?${params.toString()}`
  }, freshMs)
  return () =>
    (query.state().data?.annotations ?? []).map(({ from, to, label }) => ({
      fromMs: Date.parse(from),
      toMs: Date.parse(to),
      label,
    }))
}
