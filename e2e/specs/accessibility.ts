// What axe finds on a page, and how far it can be scrolled sideways.

import { AxeBuilder } from '@axe-core/playwright'
import { expect } from '@playwright/test'
import type { Page } from '@playwright/test'

/** Of rules, that can say of a page in other colours what it did not say before. */
export const rulesOfColour = ['color-contrast', 'link-in-text-block']

/** By rule, where. Without rules named, all of them. */
export async function violationsOf(page: Page, rules?: string[]): Promise<unknown[]> {
  const first = await foundBy(page, rules)
  // What is being refreshed is dimmed for a moment: that may fall into one answer, not into two.
  return first.length === 0 ? first : foundBy(page, rules)
}

async function foundBy(page: Page, rules: string[] | undefined): Promise<unknown[]> {
  await expect(page.locator('.is-stale')).toHaveCount(0)
  const axe = new AxeBuilder({ page })
  if (rules !== undefined) axe.withRules(rules)
  const { violations } = await axe.analyze()
  return violations.map(({ id, nodes }) => [id, nodes.map(({ target }) => target)])
}

export function overflowPx(page: Page): Promise<number> {
  return page.evaluate(
    'document.documentElement.scrollWidth - document.documentElement.clientWidth',
  )
}
