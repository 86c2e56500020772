// A picture for every product, drawn from its category and id: a calm ground, a horizon of waves, and the thing
// itself in a few strokes. Inline SVG with attributes only, so that the page needs no style of its own for it.

import { html, raw } from 'hono/html'
import type { Product } from '#stack/contract/catalogue.ts'
import { categoryName } from './offers.ts'

type Markup = ReturnType<typeof html>

/** Strokes in a field of 100 by 100, the thing between 25 and 75. */
const motifs: Record<string, readonly string[]> = {
  Galley: [
    'M30 46h40v14a12 12 0 0 1-12 12H42a12 12 0 0 1-12-12z',
    'M70 50h6a5 5 0 0 1 0 12h-6',
    'M42 38c-3-4 3-6 0-10M50 38c-3-4 3-6 0-10M58 38c-3-4 3-6 0-10',
  ],
  Pantry: ['M36 34h28v6H36z', 'M38 40h24l3 8v26H35V48z', 'M35 54h30v12H35z'],
  Deck: [
    'M50 28v10',
    'M42 38h16l4 8v22l-4 6H42l-4-6V46z',
    'M38 50h24M38 64h24',
    'M50 52c6 6 0 12 0 12s-6-6 0-12z',
  ],
  Wear: ['M40 30l10 5 10-5 16 10-6 12-7-3v25H37V49l-7 3-6-12z', 'M37 62h26'],
  Cabin: [
    'M28 62c0-16 10-26 22-26s22 10 22 26z',
    'M28 62h44v8H28z',
    'M50 36v26M36 44l8 18M64 44l-8 18',
  ],
  'Chart table': ['M32 30h30l8 8v36H32z', 'M62 30v8h8', 'M39 48h24M39 56h24M39 64h14'],
  Play: ['M50 26v36', 'M50 28l18 30H50z', 'M46 34L34 58h12z', 'M30 64h40l-7 9H37z'],
  Garden: [
    'M50 74V44',
    'M50 52c-4-12-14-12-18-12 0 10 8 14 18 12z',
    'M50 46c4-12 14-14 18-14 0 12-8 16-18 14z',
    'M38 74h24',
  ],
}
const otherMotif = ['M32 40h36v32H32z', 'M32 50h36', 'M50 40v32']

/** Ground, waves and strokes: pairs that stay calm in light and dark. */
const palettes: readonly (readonly [ground: string, waves: string, strokes: string])[] = [
  ['#E3EBF5', '#CBDAEC', '#1F4E8C'],
  ['#E4EFEC', '#CBE2DC', '#17655C'],
  ['#F3EBDD', '#E6D8BE', '#7A5514'],
  ['#EFE6EE', '#DFCDDD', '#6B2F6A'],
  ['#F4E6DF', '#E8CFC2', '#8A3F1C'],
  ['#E8EAED', '#D5D9DF', '#3E4756'],
]

/** Decorative: the product's name stands beside it. */
export function picture(product: Product): Markup {
  const number = hash(product.productId)
  const [ground, waves, strokes] = palettes[number % palettes.length] as (typeof palettes)[0]
  const motif = motifs[categoryName(product)] ?? otherMotif
  const shift = (number >> 4) % 12
  const paths = motif.map((path) => `<path d="${path}"/>`).join('')
  return html`<svg class="picture" viewBox="0 0 100 100" aria-hidden="true" focusable="false">
    <rect width="100" height="100" fill="${ground}" />
    <path
      d="M-20 ${76 + (shift % 5)}q10-6 20 0t20 0 20 0 20 0 20 0 20 0 20 0V100H-20z"
      transform="translate(${shift} 0)"
      fill="${waves}"
    />
    <g
      fill="none"
      stroke="${strokes}"
      stroke-width="2.4"
      stroke-linecap="round"
      stroke-linejoin="round"
    >
      ${raw(paths)}
    </g>
  </svg>`
}

function hash(text: string): number {
  let h = 7
  for (const letter of text) h = (Math.imul(h, 31) + (letter.codePointAt(0) ?? 0)) >>> 0
  return h
}
