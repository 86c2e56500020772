// The watermark of the live view: the least of the partitions, idle ones left out, never back.

import { describe, expect, test } from 'vitest'
import { LiveWatermark } from './watermark.ts'

const settings = { watermarkDelayMs: 30_000, idleTimeoutMs: 10_000 }
const nowMs = 1_000_000

describe('the live watermark', () => {
  test('is unknown before the first record', () => {
    expect(new LiveWatermark(settings).at(nowMs)).toBeNull()
  })

  test('is the least of the partitions minus the slack', () => {
    const watermark = new LiveWatermark(settings)
    watermark.observe(0, nowMs - 1000, false, nowMs)
    watermark.observe(1, nowMs - 5000, false, nowMs)
    expect(watermark.at(nowMs)).toBe(nowMs - 35_000)
  })

  test('waits for a partition that is still to be read', () => {
    const watermark = new LiveWatermark(settings)
    watermark.observe(0, nowMs, false, nowMs)
    watermark.observe(1, 0, false, nowMs)
    expect(watermark.at(nowMs)).toBeNull()
  })

  test('leaves out a partition at its end and silent for exactly the idle time', () => {
    const watermark = new LiveWatermark(settings)
    watermark.observe(0, nowMs, true, nowMs)
    watermark.observe(1, nowMs - 60_000, true, nowMs - 9999)
    expect(watermark.at(nowMs)).toBe(nowMs - 90_000)
    expect(watermark.at(nowMs + 1)).toBe(nowMs - 30_000)
  })

  test('follows the clock when all are idle, so that seconds still close', () => {
    const watermark = new LiveWatermark(settings)
    watermark.observe(0, nowMs - 60_000, true, nowMs)
    expect(watermark.at(nowMs + 3_600_000)).toBe(nowMs + 3_570_000)
  })

  test('never goes back, and never past the clock', () => {
    const watermark = new LiveWatermark(settings)
    watermark.observe(0, nowMs + 300_000, false, nowMs)
    expect(watermark.at(nowMs)).toBe(nowMs - 30_000)
    watermark.observe(1, nowMs - 500_000, false, nowMs)
    expect(watermark.at(nowMs)).toBe(nowMs - 30_000)
  })
})
