// A picture for every product, drawn from its category and id: a calm ground, a horizon of waves, and the thing
// itself in a few strokes. Inline SVG with attributes only, so that the page needs no style of its own for it.

import { html, raw } from 'hono/html'
import type { Product } from '#stack/contract/catalogue.ts'

type Markup = ReturnType<typeof html>

/** Strokes in a field of 100 by 100, the thing between 25 and 75, by the last part of the category. */
const motifs: Readonly<Record<string, readonly string[]>> = {
  'Pots and pans': [
    'M30 46h40v16a10 10 0 0 1-10 10H40a10 10 0 0 1-10-10z',
    'M30 52h-7M77 52h-7',
    'M34 46c2-8 30-8 32 0M50 40v-4',
  ],
  'Mugs and plates': [
    'M32 42h34v18a12 12 0 0 1-12 12H44a12 12 0 0 1-12-12z',
    'M66 47h4a6 6 0 0 1 0 13h-4',
    'M42 35c-3-4 3-5 0-9M50 35c-3-4 3-5 0-9M58 35c-3-4 3-5 0-9',
  ],
  'Knives and boards': ['M30 66L62 30c6 10 2 22-10 30l-8 6z', 'M44 66l-8 10'],
  'Coffee and tea': [
    'M36 34h28l-3 42H39z',
    'M36 34c4-7 24-7 28 0',
    'M44 56c0-8 12-8 12 0s-12 8-12 0zM46 60c4-2 4-6 8-8',
  ],
  'Dry goods': ['M36 32h28v7H36z', 'M39 39h22l4 8v29H35V47z', 'M35 54h30v12H35z'],
  'Rope and knots': [
    'M50 30a22 22 0 1 0 .1 0z',
    'M50 38a14 14 0 1 0 .1 0z',
    'M50 46a6 6 0 1 0 .1 0z',
    'M66 66l10 8',
  ],
  Lanterns: [
    'M50 26v8',
    'M41 34h18l4 8v24l-4 8H41l-4-8V42z',
    'M37 46h26M37 64h26',
    'M50 50c6 5 0 11 0 11s-6-6 0-11z',
  ],
  Bags: ['M32 44h36l4 30H28z', 'M41 44v-6a9 9 0 0 1 18 0v6', 'M30 58h40'],
  Knitwear: [
    'M40 32l10 5 10-5 10 6 6 28-9 3-6-17v24H39V52l-6 17-9-3 6-28z',
    'M39 70h22M41 46l9 8 9-8',
  ],
  'Rain and wind': [
    'M40 36c0-12 20-12 20 0l10 6 5 24-8 3-5-12v19H38V57l-5 12-8-3 5-24z',
    'M50 40v36',
    'M40 36c4 6 16 6 20 0',
  ],
  Everyday: ['M40 32l10 5 10-5 15 10-6 11-7-3v26H38V50l-7 3-6-11z'],
  Blankets: ['M28 40h38a7 7 0 0 1 0 14H28z', 'M28 54h44v20H28z', 'M38 54v20M62 54v20M28 64h44'],
  'Clocks and glass': ['M50 30a22 22 0 1 0 .1 0z', 'M50 38v14l10 6', 'M50 30v-5M42 25h16'],
  Care: ['M38 48h24v26H38z', 'M44 48v-8h12v8', 'M50 40v-8h10', 'M38 58h24'],
  Paper: ['M34 28h32v48H34z', 'M41 28v48', 'M48 40h12M48 48h12M48 56h8'],
  'Pens and tools': ['M66 28l8 8-34 34-12 4 4-12z', 'M60 34l8 8', 'M32 62l8 8'],
  Games: ['M50 26v36', 'M52 28l18 30H52z', 'M47 34L34 58h13z', 'M28 64h44l-8 10H36z'],
  Books: ['M50 38c-6-5-16-6-22-4v36c6-2 16-1 22 4 6-5 16-6 22-4V34c-6-2-16-1-22 4z', 'M50 38v36'],
  Tools: ['M50 26v20', 'M44 26h12', 'M40 46h20v14c0 8-6 14-10 16-4-2-10-8-10-16z'],
  Seeds: [
    'M50 76V46',
    'M50 54c-4-12-14-13-19-12 0 10 9 15 19 12z',
    'M50 48c4-12 14-15 19-14 0 12-9 17-19 14z',
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
  const motif = motifs[product.category?.split('/').at(-1) ?? ''] ?? otherMotif
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
      stroke-width="2"
      stroke-linecap="round"
      stroke-linejoin="round"
    >
      ${raw(paths)}
    </g>
  </svg>`
}

/** FNV-1a, mixed once more so that neighbours in the catalogue differ. */
function hash(text: string): number {
  let h = 0x811c9dc5
  for (const letter of text) h = Math.imul(h ^ (letter.codePointAt(0) ?? 0), 0x01000193)
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d)
  return (h ^ (h >>> 12)) >>> 0
}
