// Minor units as people read them: the exponent comes from the currency (JPY 0, EUR 2).

import { currencyDigits } from '#stack/contract/currency.ts'

const formats = new Map<string, Intl.NumberFormat>()

export function formatMoney(minor: number, currency: string): string {
  let format = formats.get(currency)
  if (!format) {
    format = new Intl.NumberFormat('en', { style: 'currency', currency })
    formats.set(currency, format)
  }
  return format.format(minor / 10 ** (currencyDigits(currency) ?? 2))
}
