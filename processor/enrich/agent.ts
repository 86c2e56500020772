// A user agent's words → device class, browser, operating system, and whether it calls itself a bot (R24). The same few
// thousand agents come again and again, so answers are remembered.

import { isbot } from 'isbot'
import { UAParser } from 'my-ua-parser'
import type { DeviceClass } from '#stack/contract/events.ts'
import { BoundedCache } from './bounded-cache.ts'

export interface Agent {
  isBot: boolean
  device: DeviceClass | null
  browser: string | null
  os: string | null
}

export const unknownAgent: Agent = { isBot: false, device: null, browser: null, os: null }

/** What my-ua-parser calls a device that is no phone or tablet; it names none for computers. */
const deviceByType: Record<string, DeviceClass> = { mobile: 'mobile', tablet: 'tablet' }

export function createAgentReader(entriesMax = 10_000): (userAgent?: string) => Agent {
  const cache = new BoundedCache<Agent>(entriesMax)
  return (userAgent) =>
    userAgent === undefined || userAgent === '' ? unknownAgent : cache.get(userAgent, readAgent)
}

function readAgent(userAgent: string): Agent {
  const { browser, os, device } = new UAParser(userAgent).getResult()
  const isBot = isbot(userAgent)
  return {
    isBot,
    device: deviceOf(device.type, os.name),
    browser: browser.name ?? null,
    os: os.name ?? null,
  }
}

/** Without a type it is a computer if it has an operating system at all; `curl` has none. */
function deviceOf(type: string | undefined, os: string | undefined): DeviceClass {
  if (type !== undefined) return deviceByType[type] ?? 'other'
  return os === undefined ? 'other' : 'desktop'
}
