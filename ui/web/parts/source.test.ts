// Strip, title and favicon of every source.

import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { CloudPlace } from '../../api/cloud.ts'
import { iconOf, sidesOf, titleOf } from './source.ts'
import { sourceChoices } from './url-state.ts'

const google: CloudPlace = { mode: 'google', projectId: 'shop-prod', dataset: 'slipway' }
const emulator: CloudPlace = { mode: 'emulator', projectId: 'slipway-local', dataset: 'slipway' }

test('a tab says which project it shows', () => {
  expect(titleOf(sidesOf('cloud', google), 'Live')).toBe('CLOUD shop-prod · Live · Slipway')
  expect(titleOf(sidesOf('local', google), 'Live')).toBe('LOCAL · Live · Slipway')
  expect(titleOf(sidesOf('diff', emulator), 'History')).toBe(
    'LOCAL / EMULATOR slipway-local · History · Slipway',
  )
})

test('stand-ins are never called the cloud', () => {
  const [side] = sidesOf('cloud', emulator)
  expect(side).toMatchObject({ tone: 'emulator', word: 'EMULATOR' })
  expect(side?.says).toContain('project slipway-local, dataset slipway')
})

test('that nothing leaves this machine is not said where Google is mirrored into', () => {
  expect(sidesOf('local', emulator)[0]?.says).toContain('nothing leaves it')
  expect(sidesOf('local', google)[0]?.says).not.toContain('nothing leaves it')
})

test('a cloud that is off says so, and one that is not known yet claims nothing', () => {
  expect(sidesOf('cloud', { mode: 'off' })[0]?.says).toContain('off')
  expect(sidesOf('cloud', undefined)[0]?.tone).toBe('unknown')
})

test('every icon is there', () => {
  for (const place of [google, emulator, { mode: 'off' } as const, undefined]) {
    for (const source of sourceChoices) {
      const icon = iconOf(sidesOf(source, place))
      expect([icon, existsSync(new URL(`../public${icon}`, import.meta.url))]).toEqual([icon, true])
    }
  }
})
