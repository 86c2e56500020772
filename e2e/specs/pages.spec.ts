// Every page on a wide and on a narrow screen, light and dark: nothing that axe finds, and no other origin asked.

import { AxeBuilder } from '@axe-core/playwright'
import type { Page } from '@playwright/test'
import { expect, test } from '../fixtures/test.ts'

// The longest file; its tests change nothing, so that both workers share them.
test.describe.configure({ mode: 'parallel' })

const pages = [
  { name: 'Live', part: 'dashboard', path: '/live', heading: 'Live' },
  { name: 'History', part: 'dashboard', path: '/history', heading: 'History' },
  { name: 'the storefront', part: 'shop', path: '/', heading: /Things/ },
] as const

/** All that can be other than in light. */
const rulesOfColour = ['color-contrast', 'link-in-text-block']

/** How far the page can be scrolled sideways. */
const overflowPx = 'document.documentElement.scrollWidth - document.documentElement.clientWidth'

for (const { name, part, path, heading } of pages) {
  for (const width of [1440, 390]) {
    test(`axe finds nothing on ${name} at ${width} px, light and dark`, async ({ page, stack }) => {
      const address = stack.addresses[part] as string
      const elsewhere: string[] = []
      page.on('request', (request) => {
        const url = request.url()
        if (!url.startsWith(address) && !url.startsWith('data:')) elsewhere.push(url)
      })
      await page.setViewportSize({ width, height: 900 })
      await page.emulateMedia({ reducedMotion: 'reduce' })
      await page.goto(address + path)
      await expect(page.getByRole('heading', { level: 1, name: heading })).toBeVisible()
      if (part === 'dashboard') await expect(page.locator('.kpi-value').first()).not.toHaveText('—')
      await expect(page.getByRole('img', { name: 'Loading' })).toHaveCount(0)
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme })
        const rules = colorScheme === 'dark' ? rulesOfColour : undefined
        // What is being refreshed is dimmed for a moment: that may fall into one answer, not into two.
        const first = await foundBy(page, rules)
        const found = first.length === 0 ? first : await foundBy(page, rules)
        expect(found, colorScheme).toEqual([])
        const overflow = await page.evaluate<number>(overflowPx)
        expect(overflow).toBeLessThanOrEqual(0)
      }
      expect(elsewhere).toEqual([])
    })
  }
}

async function foundBy(page: Page, rules: string[] | undefined): Promise<unknown[]> {
  await expect(page.locator('.is-stale')).toHaveCount(0)
  const axe = new AxeBuilder({ page })
  if (rules !== undefined) axe.withRules(rules)
  const { violations } = await axe.analyze()
  return violations.map(({ id, nodes }) => [id, nodes.map(({ target }) => target)])
}
