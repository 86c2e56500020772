// The built page in a real browser on fixture data: strict about its policy, usable by keyboard, one stream for all tabs,
// and the same rows as the store after the stream was cut.

import type { Browser, BrowserContextOptions, Page } from 'playwright'
import { chromium } from 'playwright'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { browserLaunch } from '#stack/base/test-browser.ts'
import type { LiveFrame } from './api/live/frame.ts'
import type { FixtureDashboard } from './testing.ts'
import { startFixture } from './testing.ts'

let browser: Browser
let dashboard: FixtureDashboard

beforeAll(async () => {
  dashboard = await startFixture({ perSecond: 4 })
  browser = await chromium.launch(await browserLaunch())
}, 60_000)

afterAll(async () => {
  await browser?.close()
  await dashboard?.[Symbol.asyncDispose]()
})

interface OpenPage extends AsyncDisposable {
  page: Page
  /** Console errors, exceptions, requests to anywhere else. */
  complaints: string[]
}

async function open(path: string, options: BrowserContextOptions = {}): Promise<OpenPage> {
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    timezoneId: 'Europe/Amsterdam',
    locale: 'en-GB',
    reducedMotion: 'reduce',
    ...options,
  })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('request', (request) => {
    if (!request.url().startsWith(dashboard.url)) complaints.push(`asked ${request.url()}`)
  })
  await page.goto(dashboard.url + path)
  return { page, complaints, [Symbol.asyncDispose]: () => context.close() }
}

const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true } as const
/** Tabs that nobody looks at: less to draw. */
const small = { viewport: { width: 320, height: 240 }, reducedMotion: 'reduce' } as const
/** Everything has its data and its first picture. */
async function settled(page: Page): Promise<void> {
  await page.locator('.kpi-value').first().waitFor()
  const waiting = page.locator('.skeleton')
  await vi.waitFor(async () => expect(await waiting.count()).toBe(0), 20_000)
  await page.locator('.chart-canvas canvas').first().waitFor()
}

describe('the page', () => {
  test.each([
    // What axe finds, in both schemes and widths: e2e/specs/pages.spec.ts, on a stack of its own.
    ['/live', 'dark', phone],
    ['/history', 'light', {}],
  ] as const)(
    '%s in %s: nothing is refused by the policy, nothing comes from elsewhere',
    async (path, colorScheme, options) => {
      await using opened = await open(path, { colorScheme, ...options })
      const { page, complaints } = opened
      await settled(page)
      expect(complaints).toEqual([])
    },
  )

  test('says where its figures come from, in words, strip and title', async () => {
    await using opened = await open('/')
    await settled(opened.page)
    expect(new URL(opened.page.url()).pathname).toBe('/live')
    expect(await opened.page.title()).toBe('LOCAL · Live · Slipway')
    expect(await opened.page.locator('.strip').textContent()).toContain('LOCAL')
  })

  test('keeps the source in the link from page to page; Shift and L go on to the next one', async () => {
    await using opened = await open('/live?src=cloud')
    const { page } = opened
    await page.getByRole('heading', { name: 'Cloud Live is not fed' }).waitFor()
    const strip = page.getByRole('complementary', { name: 'Where the figures come from' })
    await strip.getByText('off: nothing is mirrored').waitFor()
    expect(await page.title()).toBe('CLOUD off · Live · Slipway')
    expect(await page.locator('link[rel=icon]').getAttribute('href')).toBe('/cloud.svg')
    await page.getByRole('link', { name: 'History' }).click()
    await page.waitForURL(/\/history\?src=cloud$/)
    await page.keyboard.press('Shift+L')
    await page.waitForURL(/src=diff$/)
    expect(await strip.locator('b').allTextContents()).toEqual(['LOCAL', 'CLOUD'])
    await page.keyboard.press('Shift+L')
    await page.waitForURL(/\/history$/)
    expect(await strip.locator('b').allTextContents()).toEqual(['LOCAL'])
  })
})

describe('live', () => {
  test('moves by itself, and stands still when paused', async () => {
    await using opened = await open('/live')
    const { page } = opened
    await settled(page)
    const clock = page.locator('.page-head .label')
    const before = await clock.textContent()
    await vi.waitFor(async () => expect(await clock.textContent()).not.toBe(before), 5000)
    await page.keyboard.press('Space')
    const status = page.locator('.status-text')
    await vi.waitFor(async () => expect(await status.textContent()).toMatch(/^Paused at/), 3000)
    const held = await clock.textContent()
    await vi.waitFor(
      async () => expect(await status.textContent()).toMatch(/[1-9]\d* events/),
      8000,
    )
    expect(await clock.textContent()).toBe(held)
    await page.keyboard.press('Space')
    await vi.waitFor(async () => expect(await status.textContent()).toMatch(/^Live/), 3000)
  })

  test('a chart is read by keyboard: the cursor speaks, T gives the same numbers as a table', async () => {
    await using opened = await open('/live?w=1')
    const { page } = opened
    await settled(page)
    await page.keyboard.press('Space')
    const chart = page.getByRole('img', { name: /^Purchases per second\. Last 1 minutes/ })
    await chart.focus()
    await page.keyboard.press('ArrowLeft')
    const spoken = page.locator('[role=status][aria-live=polite]')
    await vi.waitFor(async () =>
      expect(await spoken.textContent()).toMatch(/^\d\d:\d\d:\d\d: .+ (\d|no data)/),
    )
    await page.keyboard.press('t')
    const rows = page
      .getByRole('region', { name: 'Purchases per second, table' })
      .locator('tbody tr')
    expect(await rows.count()).toBe(60)
    await page.getByRole('button', { name: 'Purchases per second: as chart' }).click()
    await chart.locator('canvas').waitFor()
  })

  test('a span drawn on the chart holds the page and fills the chart; Escape goes on', async () => {
    await using opened = await open('/live?w=5')
    const { page } = opened
    await settled(page)
    const chart = page.getByRole('img', { name: /^Purchases per second/ })
    const box = await chart.boundingBox()
    if (!box) throw new Error('no chart')
    await page.mouse.move(box.x + box.width * 0.4, box.y + 80)
    await page.mouse.down()
    await page.mouse.move(box.x + box.width * 0.6, box.y + 80, { steps: 4 })
    await page.mouse.up()
    const tile = page.getByRole('region', { name: 'Purchases per second' })
    const words = tile.locator('.footnote')
    await vi.waitFor(async () =>
      expect(await words.textContent()).toMatch(/^examining \d\d:\d\d:\d\d–\d\d:\d\d:\d\d/),
    )
    const status = page.locator('.status-text')
    expect(await status.textContent()).toMatch(/^Paused/)
    await page.keyboard.press('Escape')
    await vi.waitFor(async () => expect(await words.textContent()).toMatch(/^last 5 min/))
    await vi.waitFor(async () => expect(await status.textContent()).toMatch(/^Live/))
  })

  test('a number explains itself, with its SQL in both dialects', async () => {
    await using opened = await open('/live')
    const { page } = opened
    await settled(page)
    await page.getByRole('button', { name: 'Net revenue: definition' }).click()
    const dialog = page.getByRole('dialog', { name: 'Net revenue' })
    await dialog.getByText('SELECT count(*)').waitFor()
    await dialog.getByRole('button', { name: 'BigQuery' }).click()
    await dialog.getByText('SELECT COUNT(*)').waitFor()
    await page.keyboard.press('Escape')
    await vi.waitFor(async () => expect(await dialog.count()).toBe(0))
  })

  test('a row of the feed opens its record', async () => {
    await using opened = await open('/live')
    const { page } = opened
    await settled(page)
    await page.getByRole('button', { name: 'Hold the list' }).click()
    await page.locator('.feed-row').first().click()
    const json = page.getByRole('dialog', { name: 'Record' }).locator('pre')
    await vi.waitFor(async () => expect(await json.textContent()).toContain('"eventId"'))
  })

  test('after cuts of the stream the page has the rows of the store: no gap, no double', async () => {
    await using opened = await open('/live?w=1')
    const { page } = opened
    await settled(page)
    for (let cut = 0; cut < 3; cut++) {
      await vi.waitFor(() => expect(dashboard.hub.drop()).toBeGreaterThan(0), 8000)
    }
    await vi.waitFor(() => expect(dashboard.hub.readers).toBe(1), 8000)
    const status = page.locator('.status-text')
    await vi.waitFor(async () => expect(await status.textContent()).toMatch(/^Live/), 8000)
    await page.getByRole('button', { name: 'Purchases per second: as table' }).click()
    const region = page.getByRole('region', { name: 'Purchases per second, table' })
    const cells = region.locator('tbody tr')
    await vi.waitFor(async () => {
      const shown = await cells.evaluateAll((rows) =>
        rows.map((row) => {
          const texts = [...row.children].map((cell) => cell.textContent ?? '')
          return [texts[0], Number.parseFloat(texts.at(-2) ?? '')] as const
        }),
      )
      const frame = dashboard.hub.snapshot()
      const orders = ordersByClock(frame)
      // The newest seconds may have moved on between the two looks.
      for (const [time, value] of shown.slice(5))
        expect([time, value]).toEqual([time, orders(time)])
      expect(shown).toHaveLength(60)
    }, 10_000)
  })

  test('eight tabs share one stream', async () => {
    const context = await browser.newContext(small)
    const tabs = await Promise.all(Array.from({ length: 8 }, () => context.newPage()))
    await vi.waitFor(() => expect(dashboard.hub.readers).toBe(0), 15_000)
    for (const tab of tabs) await tab.goto(`${dashboard.url}/live`)
    await Promise.all(tabs.map((tab) => tab.locator('.status.is-live').waitFor()))
    expect(dashboard.hub.readers).toBe(1)
    await context.close()
    await vi.waitFor(() => expect(dashboard.hub.readers).toBe(0), 15_000)
  }, 60_000)
})

describe('live without shared workers', () => {
  test('one tab holds the stream for all; when it is closed another takes over', async () => {
    const context = await browser.newContext(small)
    await context.addInitScript('delete globalThis.SharedWorker')
    const [first, second] = [await context.newPage(), await context.newPage()]
    await vi.waitFor(() => expect(dashboard.hub.readers).toBe(0), 15_000)
    for (const tab of [first, second]) {
      await tab.goto(`${dashboard.url}/live`)
      await tab.locator('.status.is-live').waitFor()
    }
    expect(dashboard.hub.readers).toBe(1)
    await first.close()
    const clock = second.locator('.page-head .label')
    const before = await clock.textContent()
    await vi.waitFor(async () => expect(await clock.textContent()).not.toBe(before), 10_000)
    await vi.waitFor(() => expect(dashboard.hub.readers).toBe(1), 10_000)
    await context.close()
  })

  test('nor locks, each tab has a stream of its own', async () => {
    const context = await browser.newContext(small)
    await context.addInitScript(
      'delete globalThis.SharedWorker; delete globalThis.BroadcastChannel',
    )
    await vi.waitFor(() => expect(dashboard.hub.readers).toBe(0), 15_000)
    for (const tab of [await context.newPage(), await context.newPage()]) {
      await tab.goto(`${dashboard.url}/live`)
      await tab.locator('.status.is-live').waitFor()
    }
    expect(dashboard.hub.readers).toBe(2)
    await context.close()
  })
})

describe('history', () => {
  test('range and comparison are in the link; back undoes them', async () => {
    await using opened = await open('/history')
    const { page } = opened
    await settled(page)
    await page.getByRole('button', { name: '30d' }).click()
    expect(new URL(page.url()).search).toBe('?r=30d')
    await page.getByRole('combobox', { name: 'Compare with' }).selectOption('week')
    expect(new URL(page.url()).search).toBe('?r=30d&cmp=week')
    await page.getByRole('textbox', { name: /Own range/ }).fill('last 36 h')
    await page.keyboard.press('Enter')
    await vi.waitFor(() => expect(new URL(page.url()).search).toBe('?r=36h&cmp=week'))
    await page.goBack()
    await page.goBack()
    expect(new URL(page.url()).search).toBe('?r=30d')
    await page.getByRole('button', { name: '30d', pressed: true }).waitFor()
  })

  test('a bad link falls back and says so', async () => {
    await using opened = await open('/history?r=yesterday')
    await opened.page.getByRole('button', { name: '7d', pressed: true }).waitFor()
    const banner = opened.page.locator('.banner')
    expect(await banner.textContent()).toContain('“r=yesterday” was not understood')
  })

  test('drawing across the chart zooms in', async () => {
    await using opened = await open('/history?r=7d')
    const { page } = opened
    await settled(page)
    const chart = page.getByRole('img', { name: /^Net revenue by day/ })
    const box = await chart.boundingBox()
    if (!box) throw new Error('no chart')
    await page.mouse.move(box.x + box.width * 0.4, box.y + 80)
    await page.mouse.down()
    await page.mouse.move(box.x + box.width * 0.7, box.y + 80, { steps: 4 })
    await page.mouse.up()
    await vi.waitFor(() => expect(new URL(page.url()).search).toMatch(/r=20\d\d-.*\.\.20\d\d/))
  })

  test('the heat map is walked by arrow keys', async () => {
    await using opened = await open('/history')
    const { page } = opened
    await settled(page)
    await page.locator('.heat [data-at="0-0"]').focus()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('ArrowLeft')
    expect(await page.evaluate<string>('document.activeElement.dataset.at')).toBe('1-23')
    const spoken = page.locator('[role=status][aria-live=polite]')
    await vi.waitFor(async () => expect(await spoken.textContent()).toMatch(/^Tue 23:00/))
  })

  test('the same number in tile, table and file', async () => {
    await using opened = await open('/history?r=24h&cmp=none')
    const { page } = opened
    await settled(page)
    await page.getByRole('button', { name: /^Orders \d/ }).click()
    await page.getByRole('button', { name: 'Orders by hour: as table' }).click()
    const cells = page
      .getByRole('region', { name: 'Orders by hour, table' })
      .locator('tbody tr td:last-child')
    const table = (await cells.allTextContents()).map((text) => Number(text.replaceAll(',', '')))
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Orders by hour: CSV' }).click(),
    ])
    const chunks: Buffer[] = []
    for await (const chunk of await download.createReadStream()) chunks.push(chunk as Buffer)
    const lines = Buffer.concat(chunks).toString('utf8').trim().split('\r\n')
    expect(lines[0]).toMatch(/^# metric: orders/)
    const values = lines
      .filter((line) => line.startsWith('"'))
      .map((line) => Number(line.split(',').at(-4)))
    expect(values.toReversed()).toEqual(table)
    expect(table.reduce((sum, value) => sum + value, 0)).toBeGreaterThan(100)
  })
})

/** Orders of a frame's seconds by what the page prints as their time. */
function ordersByClock(frame: LiveFrame): (time: string | undefined) => number {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: 'Europe/Amsterdam',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  })
  const { at, orders } = frame.seconds
  const byTime = new Map(at.map((second, i) => [format.format(second * 1000), orders[i] as number]))
  return (time) => byTime.get(time ?? '') ?? 0
}
