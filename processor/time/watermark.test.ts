// T2 by its clauses; the shop's clock and every record are told by hand.

import { describe, expect, test } from 'vitest'
import { minuteMs, secondMs } from '#stack/base/units.ts'
import { emptyPartitionTime, InputWatermark, stalledLoadMs } from './watermark.ts'

const settings = { watermarkDelayMs: 30 * secondMs, idleTimeoutMs: 10 * secondMs }
const nobody: ReadonlySet<number> = new Set()
const t0 = Date.parse('2026-03-01T10:00:00.000Z')

function watermarkOf(partitions: number, limitMs?: number): InputWatermark {
  const watermark = new InputWatermark(settings, limitMs)
  for (let p = 0; p < partitions; p++) watermark.assign(p, emptyPartitionTime(), t0)
  return watermark
}

describe('the watermark', () => {
  test('is the least over the partitions of the greatest event time, minus the delay', () => {
    const watermark = watermarkOf(2)
    watermark.seen(0, t0 + minuteMs, undefined, t0)
    watermark.seen(0, t0 + 9 * minuteMs, undefined, t0)
    watermark.seen(1, t0 + 5 * minuteMs, undefined, t0)
    expect(watermark.advance(t0, nobody)).toBe(t0 + 5 * minuteMs - settings.watermarkDelayMs)
  })

  test('has no value while a partition has had no record', () => {
    const watermark = watermarkOf(2)
    watermark.seen(0, t0, undefined, t0)
    expect(watermark.advance(t0, nobody)).toBeNull()
  })

  test('never goes back by an older event', () => {
    const watermark = watermarkOf(1)
    watermark.seen(0, t0, undefined, t0)
    const before = watermark.advance(t0, nobody)
    watermark.seen(0, t0 - minuteMs, undefined, t0)
    expect(watermark.advance(t0, nobody)).toBe(before)
  })

  test('is told anew when a partition comes: what it reads again must not be late by what others read', () => {
    const watermark = watermarkOf(1)
    watermark.seen(0, t0, undefined, t0)
    watermark.advance(t0, nobody)
    const behindMs = t0 - 60 * minuteMs
    watermark.assign(1, { maxMs: behindMs, loadMaxMs: null, loads: [] }, t0)
    expect(watermark.watermarkMs).toBeNull()
    expect(watermark.advance(t0, nobody)).toBe(behindMs - settings.watermarkDelayMs)
  })

  test('is not held by a partition read to its end and silent for exactly the idle time', () => {
    const watermark = watermarkOf(2)
    watermark.seen(0, t0, undefined, t0)
    watermark.heard(0, t0)
    watermark.heard(1, t0)
    watermark.seen(1, t0 + 60 * minuteMs, undefined, t0)
    const nowMs = t0 + settings.idleTimeoutMs
    watermark.heard(1, nowMs)
    expect(watermark.advance(nowMs - 1, new Set([0]))).toBe(t0 - settings.watermarkDelayMs)
    expect(watermark.advance(nowMs, nobody)).toBe(t0 - settings.watermarkDelayMs)
    expect(watermark.advance(nowMs, new Set([0]))).toBe(
      t0 + 60 * minuteMs - settings.watermarkDelayMs,
    )
  })

  test("follows the shop's clock when all partitions are read to their ends and silent", () => {
    const watermark = watermarkOf(2)
    watermark.seen(0, t0, undefined, t0)
    const nowMs = t0 + 20 * secondMs
    expect(watermark.hasSilence(nowMs)).toBe(true)
    expect(watermark.advance(nowMs, new Set([0, 1]))).toBe(nowMs - settings.watermarkDelayMs)
  })

  test('does not begin in an empty log, however long it is silent', () => {
    const watermark = watermarkOf(2)
    expect(watermark.hasSilence(t0 + 60 * minuteMs)).toBe(false)
    expect(watermark.advance(t0 + 60 * minuteMs, new Set([0, 1]))).toBeNull()
  })

  test('stops at the time that somebody named', () => {
    const watermark = watermarkOf(1, t0)
    watermark.seen(0, t0 + 60 * minuteMs, undefined, t0)
    expect(watermark.advance(t0, nobody)).toBe(t0)
  })
})

describe('while a load is open', () => {
  const pastMs = t0 - 30 * 24 * 60 * minuteMs

  test('only its records move the watermark, on every partition', () => {
    const watermark = watermarkOf(2)
    watermark.seen(0, pastMs, 'load', t0)
    watermark.seen(1, t0, undefined, t0)
    expect(watermark.advance(t0, nobody)).toBeNull()
    watermark.seen(1, pastMs + minuteMs, 'load', t0)
    watermark.seen(0, t0, undefined, t0)
    expect(watermark.advance(t0, nobody)).toBe(pastMs - settings.watermarkDelayMs)
  })

  test('silence counts for nothing, until it is closed on every partition that had it', () => {
    const watermark = watermarkOf(2)
    watermark.seen(0, pastMs, 'load', t0)
    watermark.seen(1, pastMs, 'load', t0)
    const nowMs = t0 + minuteMs
    const all = new Set([0, 1])
    watermark.loadEnded(0, 'load')
    expect(watermark.advance(nowMs, all)).toBe(pastMs - settings.watermarkDelayMs)
    watermark.loadEnded(1, 'load')
    expect(watermark.hasOpenLoad).toBe(false)
    expect(watermark.advance(nowMs, all)).toBe(nowMs - settings.watermarkDelayMs)
  })

  test('it is taken for ended after a quarter of an hour without progress, and opens again', () => {
    const watermark = watermarkOf(1)
    watermark.seen(0, pastMs, 'load', t0)
    watermark.advance(t0 + stalledLoadMs - 1, nobody)
    expect(watermark.hasOpenLoad).toBe(true)
    watermark.advance(t0 + stalledLoadMs, nobody)
    expect(watermark.hasOpenLoad).toBe(false)
    watermark.seen(0, pastMs + minuteMs, 'load', t0 + stalledLoadMs)
    expect(watermark.hasOpenLoad).toBe(true)
  })
})
