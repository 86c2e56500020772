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
