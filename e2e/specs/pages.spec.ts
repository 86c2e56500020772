// Every page on a wide and on a narrow screen, light and dark: nothing that axe finds, and no other origin asked.

import { expect, test } from '../fixtures/test.ts'
import { overflowPx, rulesOfColour, violationsOf } from './accessibility.ts'

// The longest file; its tests change nothing, so that both workers share them.
test.describe.configure({ mode: 'parallel' })

const pages = [
  { name: 'Live', part: 'dashboard', path: '/live', heading: 'Live' },
  { name: 'History', part: 'dashboard', path: '/history', heading: 'History' },
  { name: 'the storefront', part: 'shop', path: '/', heading: /Things/ },
] as const

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
        expect(await violationsOf(page, rules), colorScheme).toEqual([])
        expect(await overflowPx(page)).toBeLessThanOrEqual(0)
      }
      expect(elsewhere).toEqual([])
    })
  }
}
