// The least of all senders, and none before all have spoken.

import { expect, test } from 'vitest'
import { HandedWatermark } from './handed-watermark.ts'

const say = (stage: 'visitors' | 'cart-owners', partition: number, watermarkMs: number) => ({
  stage,
  partition,
  of: 2,
  watermarkMs,
})

test('is the least over every partition of every stage that writes, and none until all were heard', () => {
  const watermark = new HandedWatermark(['visitors', 'cart-owners'])
  watermark.hear(say('visitors', 0, 50))
  watermark.hear(say('visitors', 1, 70))
  watermark.hear(say('cart-owners', 0, 40))
  expect(watermark.watermarkMs).toBeNull()
  watermark.hear(say('cart-owners', 1, 60))
  expect(watermark.watermarkMs).toBe(40)
  watermark.hear(say('cart-owners', 0, 65))
  expect(watermark.watermarkMs).toBe(50)
})

test('a word said again after a restart takes nothing back', () => {
  const watermark = new HandedWatermark(['visitors'])
  watermark.hear(say('visitors', 0, 50))
  watermark.hear(say('visitors', 1, 50))
  const restored = new HandedWatermark(['visitors'], watermark.heard)
  restored.hear(say('visitors', 0, 10))
  expect(restored.watermarkMs).toBe(50)
})
