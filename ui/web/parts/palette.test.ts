// The series colours: the page and the canvas have the same, each stands out from its card, and any two can be told
// apart under normal, protan, deutan and tritan vision. Simulation: Machado, Oliveira and Fernandes 2009, full severity,
// in linear RGB. Distance: CIEDE2000 (Sharma, Wu and Dalal 2005).

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { ThemeName } from './palette.ts'
import { palettes } from './palette.ts'

type Triple = readonly [number, number, number]
type Matrix = readonly [Triple, Triple, Triple]

const visions: Record<string, Matrix> = {
  normal: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protan: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deutan: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritan: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
}

const channels = (hex: string): Triple => {
  const value = (at: number) => Number.parseInt(hex.slice(at, at + 2), 16) / 255
  const linear = (c: number) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
  return [linear(value(1)), linear(value(3)), linear(value(5))]
}
const times = (matrix: Matrix, [a, b, c]: Triple): Triple => {
  const row = ([x, y, z]: Triple) => Math.min(1, Math.max(0, x * a + y * b + z * c))
  return [row(matrix[0]), row(matrix[1]), row(matrix[2])]
}
const luminance = ([r, g, b]: Triple) => 0.2126 * r + 0.7152 * g + 0.0722 * b
const contrast = (a: string, b: string) => {
  const [x, y] = [luminance(channels(a)), luminance(channels(b))]
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05)
}

function lab([r, g, b]: Triple): Triple {
  const f = (t: number) => (t > 216 / 24389 ? Math.cbrt(t) : ((24389 / 27) * t + 16) / 116)
  const x = f((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047)
  const y = f(0.2126729 * r + 0.7151522 * g + 0.072175 * b)
  const z = f((0.0193339 * r + 0.119192 * g + 0.9503041 * b) / 1.08883)
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)]
}

function ciede2000([l1, a1, b1]: Triple, [l2, a2, b2]: Triple): number {
  const degrees = (radians: number) => (radians * 180) / Math.PI
  const radians = (angle: number) => (angle * Math.PI) / 180
  const meanC = (Math.hypot(a1, b1) + Math.hypot(a2, b2)) / 2
  const g = 0.5 * (1 - Math.sqrt(meanC ** 7 / (meanC ** 7 + 25 ** 7)))
  const [p1, p2] = [a1 * (1 + g), a2 * (1 + g)]
  const [c1, c2] = [Math.hypot(p1, b1), Math.hypot(p2, b2)]
  const hue = (a: number, b: number) =>
    a === 0 && b === 0 ? 0 : (degrees(Math.atan2(b, a)) + 360) % 360
  const [h1, h2] = [hue(p1, b1), hue(p2, b2)]
  let dh = h2 - h1
  if (c1 * c2 === 0) dh = 0
  else if (dh > 180) dh -= 360
  else if (dh < -180) dh += 360
  const dH = 2 * Math.sqrt(c1 * c2) * Math.sin(radians(dh / 2))
  let meanH = h1 + h2
  if (c1 * c2 !== 0) {
    if (Math.abs(h1 - h2) <= 180) meanH /= 2
    else meanH = (meanH < 360 ? meanH + 360 : meanH - 360) / 2
  }
  const [meanL, mean] = [(l1 + l2) / 2, (c1 + c2) / 2]
  const cos = (angle: number) => Math.cos(radians(angle))
  const t =
    1 -
    0.17 * cos(meanH - 30) +
    0.24 * cos(2 * meanH) +
    0.32 * cos(3 * meanH + 6) -
    0.2 * cos(4 * meanH - 63)
  const rotation =
    -2 *
    Math.sqrt(mean ** 7 / (mean ** 7 + 25 ** 7)) *
    Math.sin(radians(60 * Math.exp(-(((meanH - 275) / 25) ** 2))))
  const sl = 1 + (0.015 * (meanL - 50) ** 2) / Math.sqrt(20 + (meanL - 50) ** 2)
  const sc = 1 + 0.045 * mean
  const sh = 1 + 0.015 * mean * t
  const [dl, dc] = [(l2 - l1) / sl, (c2 - c1) / sc]
  return Math.sqrt(dl ** 2 + dc ** 2 + (dH / sh) ** 2 + rotation * dc * (dH / sh))
}

function smallest(series: readonly string[]): number {
  let least = Infinity
  for (const matrix of Object.values(visions)) {
    const seen = series.map((hex) => lab(times(matrix, channels(hex))))
    for (const [i, a] of seen.entries()) {
      for (const b of seen.slice(i + 1)) least = Math.min(least, ciede2000(a, b))
    }
  }
  return least
}

describe('the distance', () => {
  test('is that of the published test data', () => {
    expect(ciede2000([50, 2.6772, -79.7751], [50, 0, -82.7485])).toBeCloseTo(2.0425, 4)
    expect(ciede2000([50, -1.3802, -84.2814], [50, 0, -82.7485])).toBeCloseTo(1, 4)
    expect(ciede2000([2.0776, 0.0795, -1.135], [0.9033, -0.0636, -0.5514])).toBeCloseTo(0.9082, 4)
  })
})

describe.each(['light', 'dark'] as const)('the %s palette', (name: ThemeName) => {
  const palette = palettes[name]

  test('keeps any two series at least 15 apart for every kind of vision', () => {
    expect(smallest(palette.series)).toBeGreaterThanOrEqual(15)
  })

  test('stands out: series 3 : 1 on the card, text 4.5 : 1', () => {
    for (const hex of palette.series) expect(contrast(hex, palette.card)).toBeGreaterThanOrEqual(3)
    for (const hex of [palette.text, palette.text2, palette.text3]) {
      expect(contrast(hex, palette.card)).toBeGreaterThanOrEqual(4.5)
    }
  })

  test('is the page’s too', () => {
    const css = readFileSync(new URL('../styles/theme.css', import.meta.url), 'utf8')
    const at = name === 'light' ? 1 : 2
    const token = (key: string) =>
      new RegExp(`--${key}: light-dark\\((#\\w+), (#\\w+)\\)`).exec(css)?.[at]
    const { series, card, text, text2, text3, hairline, grid } = palette
    expect(series.map((_, i) => token(`series-${i + 1}`))).toEqual(series)
    expect([card, text, text2, text3, hairline, grid]).toEqual(
      ['card', 'text', 'text-2', 'text-3', 'hairline', 'grid'].map(token),
    )
  })
})
