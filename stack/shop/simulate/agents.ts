// User agents of real browsers by how often they are seen (npm `user-agents`, loaded when the first shopper is drawn
// because its table is large), and of crawlers that say what they are.

import type { Random } from '#stack/base/random.ts'

export interface Agent {
  userAgent: string
  isMobile: boolean
}

export interface Agents {
  browser(random: Random): Agent
  crawler(random: Random): string
}

/** The most common ones; the long tail adds nothing but memory. */
const kept = 150

const crawlers = [
  'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
  'Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)',
  'Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)',
  'Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)',
  'facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)',
] as const

export async function loadAgents(): Promise<Agents> {
  const { default: UserAgent } = await import('user-agents')
  const common = UserAgent.top(kept)
  const cumulated: number[] = []
  let total = 0
  for (const { weight } of common) cumulated.push((total += weight))
  const agents = common.map(({ userAgent }) => ({
    userAgent,
    isMobile: /Mobile|Android/.test(userAgent),
  }))
  return {
    browser(random) {
      const value = random.float() * total
      return agents[cumulated.findIndex((sum) => sum > value)] ?? (agents[0] as Agent)
    },
    crawler: (random) => random.pick(crawlers),
  }
}
