import * as pp from './pipeline-properties.ts'
import { defaultSettings } from '#stack/contract/settings.ts'
const at = (ms: number) => new Date(Date.parse('2024-05-06T10:00:00Z') + ms).toISOString()
const ev = (
  eventId: string,
  ms: number,
  name: string,
  who: object,
  data: object,
  source = 'web',
  lag = 0,
): any => ({
  schemaVersion: '1.0',
  eventId,
  name,
  eventTime: at(ms),
  receivedAt: at(ms + lag),
  source,
  dialect: 'native',
  ...who,
  data,
})
const item = [{ productId: 'P', unitPriceMinor: 100 }]
for (const gap of [1, 60_000, 5_000_000])
  for (const closer of ['purchase', 'cart_update', 'none'])
    for (const link of ['identify', 'view_item', 'view_cart']) {
      const log = [
        ev('e1', 0, 'add_to_cart', { anonymousId: 'A' }, { items: item, currency: 'EUR' }),
      ]
      if (closer === 'purchase')
        log.push(
          ev(
            'e2',
            1,
            'purchase',
            { anonymousId: 'A' },
            { orderId: 'O', items: item, currency: 'EUR' },
          ),
        )
      if (closer === 'cart_update')
        log.push(ev('e2', 1, 'cart_update', { anonymousId: 'A' }, { items: [], currency: 'EUR' }))
      log.push(
        ev(
          'e3',
          gap,
          link,
          { anonymousId: 'A', userId: 'U' },
          link === 'view_item' ? { items: item } : {},
        ),
      )
      const p = pp.pipelineOf({ partitions: 1, settings: defaultSettings, hasRetention: false })
      p.append(...log)
      p.drain()
      console.log(
        gap,
        closer,
        link,
        (pp.tablesOf(p) as any).carts.map((c: any) => [c.cart_key, c.state, c.person_id].join(' ')),
        (pp as any)
          .expectedOf(log, defaultSettings, Infinity)
          .carts.map((c: any) => [c.cart_key, c.state, c.person_id].join(' ')),
      )
    }
