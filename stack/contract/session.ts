// A record of `user-sessions`: the row of the table `sessions` in camelCase. Its key is `sessionKey`; a tombstone
// takes back a session that a late event merged away.

export interface SessionRecord {
  sessionKey: string
  personId: string
  anonymousId: string | null
  userId: string | null
  startedAt: string
  endedAt: string
  durationMs: number
  eventCount: number
  pageViews: number
  productViews: number
  adds: number
  checkouts: number
  /** Purchases that are the first of their order among the visitor's activity (R20). */
  orders: number
  engaged: boolean
  /** Furthest step of the closed funnel (2.7): 1 view_item, 2 add after it, 3 checkout after that, 4 purchase; 0 none. */
  funnelStep: 0 | 1 | 2 | 3 | 4
  landingUrl: string | null
  exitUrl: string | null
  referrer: string | null
  campaignSource: string | null
  campaignMedium: string | null
  campaignName: string | null
  country: string | null
  device: string | null
  isClosed: boolean
  /** Grows with each version of the key. */
  revision: number
  processedAt: string
}
