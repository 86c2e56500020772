// Where shoppers live: currency, hours from UTC (standard time; a shopper's daylight-saving hour changes nothing
// here), language, and a few public networks as an address would come truncated by the collector. Nobody contacts
// them: they are data for the geography look-up. Three are of MaxMind's test networks.

export interface Market {
  country: string
  currency: string
  share: number
  utcOffsetHours: number
  locale: string
  networks: readonly string[]
}

export const markets: readonly Market[] = [
  market('DE', 'EUR', 0.26, 1, 'de-DE', '79.192.0.0', '93.192.10.0', '93.192.44.0', '79.192.81.0'),
  market('US', 'USD', 0.2, -6, 'en-US', '216.160.83.0', '73.10.20.0', '73.10.77.0'),
  market('GB', 'GBP', 0.12, 0, 'en-GB', '81.2.69.0', '86.128.5.0', '86.128.90.0'),
  market('FR', 'EUR', 0.12, 1, 'fr-FR', '90.10.20.0', '82.64.8.0'),
  market('NL', 'EUR', 0.08, 1, 'nl-NL', '145.53.1.0', '84.24.10.0'),
  market('AT', 'EUR', 0.05, 1, 'de-AT', '84.112.4.0', '80.108.2.0'),
  market('IT', 'EUR', 0.05, 1, 'it-IT', '151.30.5.0', '79.10.2.0'),
  market('ES', 'EUR', 0.05, 1, 'es-ES', '88.0.20.0', '83.40.1.0'),
  market('JP', 'JPY', 0.04, 9, 'ja-JP', '126.10.5.0', '133.200.4.0'),
  market('SE', 'EUR', 0.03, 1, 'sv-SE', '89.160.20.0', '85.224.5.0'),
]

function market(
  country: string,
  currency: string,
  share: number,
  utcOffsetHours: number,
  locale: string,
  ...networks: string[]
): Market {
  return { country, currency, share, utcOffsetHours, locale, networks }
}
