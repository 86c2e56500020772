// What the page weighs on the wire: the brotli files of the build, page by page, against the budgets of the
// dashboard's specification. ECharts by its deep paths is most of it, so this also notices when they drag in more.

import { readFileSync, readdirSync, statSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'

const dist = new URL('../dist/', import.meta.url)
const assets = new URL('assets/', dist)
const kB = 1000

let names: string[] = []
beforeAll(() => {
  names = readdirSync(assets)
})

const weight = (pattern: RegExp): number =>
  names
    .filter((name) => pattern.test(name) && name.endsWith('.br'))
    .reduce((sum, name) => sum + statSync(new URL(name, assets)).size, 0)
const [entry, charts, live, history, styles] = [
  /^index-.*\.js/,
  /^echarts-/,
  /^(live|plot|chart|tile|definition|delta|spark|zone|ticks)-.*\.js/,
  /^history-.*\.js/,
  /^index-.*\.css/,
]

describe('the built page', () => {
  test('has every text asset in brotli and gzip too', () => {
    const plain = names.filter((name) => /\.(js|css)$/.test(name))
    expect(plain.length).toBeGreaterThan(4)
    for (const name of plain)
      expect(names).toEqual(expect.arrayContaining([`${name}.br`, `${name}.gz`]))
  })

  test('needs at most 75 kB before the first paint', () => {
    expect(weight(entry) + weight(styles)).toBeGreaterThan(10 * kB)
    expect(weight(entry) + weight(styles)).toBeLessThan(75 * kB)
  })

  test('has no chunk over 150 kB', () => {
    for (const name of names)
      expect(weight(new RegExp(`^${name.replaceAll('.', '\\.')}`))).toBeLessThan(150 * kB)
  })

  test('loads ECharts once, and Live whole in at most 260 kB', () => {
    expect(names.filter((name) => charts.test(name) && name.endsWith('.br'))).toHaveLength(1)
    const whole = weight(entry) + weight(styles) + weight(charts) + weight(live)
    expect(whole).toBeGreaterThan(120 * kB)
    expect(whole).toBeLessThan(260 * kB)
  })

  test('adds at most 80 kB for History', () => expect(weight(history)).toBeLessThan(80 * kB))

  test('names no other origin and holds no inline script or style', () => {
    const page = readFileSync(new URL('index.html', dist), 'utf8')
    expect(page).not.toMatch(/https?:\/\//)
    expect(page).not.toMatch(/<script(?![^>]*src=)[^>]*>|<style|\sstyle=|\son\w+=/)
    for (const name of names.filter((each) => each.endsWith('.css'))) {
      expect(readFileSync(new URL(name, assets), 'utf8')).not.toMatch(
        /url\(\s*['"]?https?:|@import/,
      )
    }
  })
})
