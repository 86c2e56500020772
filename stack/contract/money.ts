// Money is integer minor units. Foreign amounts are read from their decimal text and never pass through a binary
// fraction: 19.99 * 100 is 1998.9999999999998. Digits the currency does not have are rounded half away from zero.

export interface MinorAmount {
  minor: number
  /** True when digits were lost. */
  rounded: boolean
}

/** sign, integer digits, fraction digits, exponent: JSON's numbers, and what people type (`+1`, `.5`, `5.`). */
const decimal = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,6}))?$/

/** An exponent or a length beyond this is no amount of money, and would only cost memory. */
const digitsMax = 64

/** Undefined for what is no decimal number, is negative, or exceeds 2^53-1 minor units. */
export function minorUnits(text: string, digits: number): MinorAmount | undefined {
  const parts = text.length > digitsMax ? null : decimal.exec(text)
  if (parts === null) return undefined
  const [, sign, whole = '', fraction = '', exponent = '0'] = parts
  if (whole === '' && fraction === '') return undefined
  const significant = (whole + fraction).replace(/^0+/, '')
  const wholePlaces = significant.length - fraction.length + Number(exponent) + digits
  const amount = cut(significant, wholePlaces)
  return sign === '-' && amount !== undefined && amount.minor > 0 ? undefined : amount
}

/** The first `places` of the digits, rounded by the ones behind; digits that are missing are zeros. */
function cut(significant: string, places: number): MinorAmount | undefined {
  if (significant === '') return { minor: 0, rounded: false }
  if (places > 16) return undefined
  if (places < 0) return { minor: 0, rounded: true }
  const kept = Number(significant.slice(0, places).padEnd(places, '0'))
  const lost = significant.slice(places)
  const minor = lost >= '5' ? kept + 1 : kept
  return Number.isSafeInteger(minor) ? { minor, rounded: /[1-9]/.test(lost) } : undefined
}
