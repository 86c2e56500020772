// The smallest event there is, of now.

export function pageView(eventId: string) {
  const eventTime = new Date().toISOString()
  return { eventId, name: 'page_view', eventTime, anonymousId: 'a', source: 'web', data: {} }
}
