// ISO 4217 codes and how many decimal digits their minor unit has. Two unless listed otherwise. Codes withdrawn since
// 2000 are kept, so that old data can be imported; metals and test codes are left out, since they have no minor unit.

const twoDigits = `
  AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF
  CHW CNY COP COU CRC CUC CUP CVE CZK DKK DOP DZD EEK EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL
  HRK HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL LTL LVL MAD MDL MGA MKD MMK MNT MOP
  MRO MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR
  SDG SEK SGD SHP SKK SLE SLL SOS SRD SSP STD STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS
  VED VEF VES WST XCD XCG YER ZAR ZMK ZMW ZWG ZWL`
const noDigits = `BIF BYR CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF`
const threeDigits = `BHD IQD JOD KWD LYD OMR TND`
const fourDigits = `CLF UYW`

const digitsByCode = new Map<string, number>(
  [noDigits, '', twoDigits, threeDigits, fourDigits].flatMap((codes, digits) =>
    codes.split(/\s+/).flatMap((code): [string, number][] => (code === '' ? [] : [[code, digits]])),
  ),
)

export function isCurrency(code: string): boolean {
  return digitsByCode.has(code)
}

/** Digits of the minor unit: JPY 0, EUR 2, KWD 3; undefined for what is no ISO 4217 code. */
export function currencyDigits(code: string): number | undefined {
  return digitsByCode.get(code)
}
