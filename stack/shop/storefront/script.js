// The page's script: completes the report that the server wrote into the page with what only the browser knows, and
// posts it to the collector. What cannot be sent is kept in the browser and sent with the next page, at most a hundred
// events. An event that this tab has reported already (a reload of the order's page) is not reported again.

const report = JSON.parse(document.getElementById('report')?.textContent ?? 'null')
const unsentKey = 'slipway.unsent'
const sentKey = 'slipway.sent'
const seqKey = 'slipway.seq'
const unsentMost = 100
const sentMost = 200

if (report) void send([...readList(localStorage, unsentKey), ...fresh(report.events).map(complete)])

function fresh(events) {
  const sent = new Set(readList(sessionStorage, sentKey))
  return events.filter(({ eventId }) => !sent.has(eventId))
}

/** A millisecond apart and numbered, so that they keep their order whatever happens on the way. */
function complete(event, index, all) {
  const nowMs = Date.now()
  return {
    schemaVersion: '1.0',
    eventId: event.eventId,
    name: event.name,
    eventTime: new Date(nowMs - (all.length - index)).toISOString(),
    source: 'web',
    anonymousId: report.anonymousId,
    userId: report.userId,
    cartId: event.cartId,
    seq: nextSeq(),
    context: context(),
    data: event.data,
  }
}

function context() {
  const query = new URLSearchParams(location.search)
  const [source, medium, name] = ['utm_source', 'utm_medium', 'utm_campaign'].map(
    (key) => query.get(key) ?? undefined,
  )
  const isFromOutside = document.referrer !== '' && !document.referrer.startsWith(location.origin)
  return {
    locale: navigator.language,
    timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    page: {
      url: location.href,
      title: document.title,
      type: report.pageType,
      referrer: isFromOutside ? document.referrer : undefined,
    },
    campaign: source === undefined ? undefined : { source, medium, name },
    screen: { width: screen.width, height: screen.height },
    library: { name: 'slipway-storefront', version: '1' },
    consent: report.consent,
  }
}

/** `sentAt` by the same clock as the events, so that the collector can tell how wrong the clock is. */
async function send(events) {
  if (events.length === 0) return
  // Kept before it is sent: whoever leaves the page meanwhile takes nothing with them.
  writeList(localStorage, unsentKey, events.slice(-unsentMost))
  remember(events)
  const sentAt = new Date().toISOString()
  try {
    const response = await fetch('/v1/events', {
      method: 'POST',
      keepalive: true,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(events.map((event) => ({ ...event, sentAt }))),
    })
    // What the collector refuses it will refuse again; only an answer that asks for another try keeps them.
    if (response.status !== 429 && response.status < 500) forget(events)
    document.documentElement.dataset['reported'] = String(response.status)
  } catch {
    document.documentElement.dataset['reported'] = 'later'
  }
}

function remember(events) {
  const ids = events.map(({ eventId }) => eventId)
  writeList(
    sessionStorage,
    sentKey,
    [...readList(sessionStorage, sentKey), ...ids].slice(-sentMost),
  )
}

function forget(events) {
  const ids = new Set(events.map(({ eventId }) => eventId))
  const left = readList(localStorage, unsentKey).filter(({ eventId }) => !ids.has(eventId))
  writeList(localStorage, unsentKey, left)
}

function nextSeq() {
  const seq = Number(localStorage.getItem(seqKey) ?? '0')
  localStorage.setItem(seqKey, String(seq + 1))
  return seq
}

function readList(storage, key) {
  try {
    const value = JSON.parse(storage.getItem(key) ?? '[]')
    return Array.isArray(value) ? value : []
  } catch {
    return []
  }
}

function writeList(storage, key, list) {
  storage.setItem(key, JSON.stringify(list))
}
