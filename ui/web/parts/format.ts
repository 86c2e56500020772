// Numbers as the page prints them: few digits on a tile, all of them on hover and in tables, a true minus sign, an
// em dash for "no data" and 0 for zero. Money is minor units with the digits of its currency.

import { currencyDigits } from '../../../stack/contract/currency.ts'

const locale = 'en'
export const nothing = '—'

const formats = new Map<string, Intl.NumberFormat>()

function format(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = JSON.stringify(options)
  let made = formats.get(key)
  if (!made) formats.set(key, (made = new Intl.NumberFormat(locale, options)))
  return made
}

const print = (value: number, options: Intl.NumberFormatOptions): string =>
  format(options).format(value).replace('-', '−')

const compactFrom = 100_000

/** At most four significant digits, two below one; compact from 100 000. */
export function count(value: number | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) return nothing
  if (Math.abs(value) >= compactFrom) {
    return print(value, { notation: 'compact', maximumSignificantDigits: 4 })
  }
  if (Math.abs(value) < 1) return print(value, { maximumSignificantDigits: 2 })
  return print(value, {
    maximumFractionDigits: Math.abs(value) < 10 ? 2 : Math.abs(value) < 1000 ? 1 : 0,
  })
}

/** `1 order`, `2 orders`. */
/** As Google bills: in binary units, under their everyday names. */
export function bytes(value: number): string {
  const units = ['bytes', 'KB', 'MB', 'GB', 'TB']
  const at = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, value)) / 10)))
  return `${count(value / 1024 ** at)} ${units[at]}`
}

export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`
}

export function exact(value: number | null | undefined): string {
  return value === null || value === undefined || Number.isNaN(value)
    ? nothing
    : print(value, { maximumFractionDigits: 20 })
}

function major(minor: number, currency: string): number {
  return minor / 10 ** (currencyDigits(currency) ?? 2)
}

/** On tiles and axes. */
export function money(minor: number | null | undefined, currency: string): string {
  if (minor === null || minor === undefined || Number.isNaN(minor)) return nothing
  const value = major(minor, currency)
  const base = { style: 'currency', currency } as const
  const size = Math.abs(value)
  if (size >= compactFrom) {
    return print(value, { ...base, notation: 'compact', maximumSignificantDigits: 4 })
  }
  if (size >= 1000) return print(value, { ...base, maximumFractionDigits: 0 })
  const digits = currencyDigits(currency) ?? 2
  return print(value, { ...base, minimumFractionDigits: digits, maximumFractionDigits: digits })
}

/** Every digit of it, for hover, tables and export. */
export function exactMoney(minor: number | null | undefined, currency: string): string {
  if (minor === null || minor === undefined || Number.isNaN(minor)) return nothing
  const digits = currencyDigits(currency) ?? 2
  return print(major(minor, currency), {
    style: 'currency',
    currency,
    minimumFractionDigits: digits,
    // A mean of minor units may have a fraction of them.
    maximumFractionDigits: Number.isInteger(minor) ? digits : digits + 2,
  })
}

/** One decimal; two below one percent. */
export function percent(ratio: number | null | undefined): string {
  if (ratio === null || ratio === undefined || Number.isNaN(ratio)) return nothing
  const digits = ratio !== 0 && Math.abs(ratio) < 0.01 ? 2 : 1
  return print(ratio * 100, { minimumFractionDigits: digits, maximumFractionDigits: digits }) + ' %'
}

/** For axes: no fraction where steps are whole. */
export function axisMoney(minor: number, currency: string): string {
  const value = major(minor, currency)
  if (value !== 0 && Math.abs(value) < 10) return money(minor, currency)
  const notation = Math.abs(value) >= 10_000 ? 'compact' : 'standard'
  return print(value, {
    style: 'currency',
    currency,
    notation,
    maximumFractionDigits: notation === 'compact' ? 1 : 0,
  })
}

/** How old a figure is. */
export const ageWords = (ms: number): string => (ms < 1000 ? 'just now' : `${duration(ms)} old`)

/** 0.8 s, 42 s, 3 min 20 s, 5 h 10 min, 3 d 4 h. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return nothing
  if (ms < 0) return `−${duration(-ms)}`
  const seconds = ms / 1000
  if (seconds < 10)
    return `${print(seconds, { minimumFractionDigits: 1, maximumFractionDigits: 1 })} s`
  if (seconds < 60) return `${Math.round(seconds)} s`
  const units: readonly [size: number, name: string, below: number, nameBelow: string][] = [
    [86_400, 'd', 3600, 'h'],
    [3600, 'h', 60, 'min'],
    [60, 'min', 1, 's'],
  ]
  const [size, name, below, nameBelow] = units.find(([unit]) => seconds >= unit) ?? units[2]!
  const whole = Math.floor(seconds / size)
  const rest = Math.floor((seconds - whole * size) / below)
  return rest === 0 ? `${whole} ${name}` : `${whole} ${name} ${rest} ${nameBelow}`
}
