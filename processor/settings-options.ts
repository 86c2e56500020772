// The parameters of the event-time rules (events.md 2.3) as flags of the command line, so that a team can have its own.

import { listOf } from '#stack/base/common-options.ts'
import type { OptionTable, OptionValues } from '#stack/base/options.ts'
import { defaultSettings } from '#stack/contract/settings.ts'
import type { Settings } from '#stack/contract/settings.ts'

const ms = (key: keyof Settings, help: string) =>
  ({ type: 'number', value: 'MS', default: defaultSettings[key] as number, min: 0, help }) as const

export const settingsOptions = {
  sessionGapMs: ms('sessionGapMs', 'a pause this long or longer starts a new session'),
  maxSessionMs: ms('maxSessionMs', 'how long a session lasts at most; 0: for ever'),
  abandonAfterMs: ms('abandonAfterMs', 'a cart without activity for so long is abandoned'),
  maxCartAgeMs: ms('maxCartAgeMs', 'abandoned so long after its first add at the latest'),
  recoveryWindowMs: ms('recoveryWindowMs', 'bought within so long after that is recovered'),
  cooldownMs: ms('cooldownMs', 'records of a person within so long after one are suppressed'),
  watermarkDelayMs: ms('watermarkDelayMs', 'how far out of order events may come'),
  idleTimeoutMs: ms('idleTimeoutMs', 'a partition silent for so long holds time back no more'),
  allowedLatenessMs: ms('allowedLatenessMs', 'an event later than this changes nothing'),
  minCartValueMinor: {
    type: 'number',
    value: 'N',
    default: defaultSettings.minCartValueMinor,
    min: 0,
    help: 'carts below make no record, in minor units',
  },
  activityScope: {
    type: 'string',
    value: 'SCOPE',
    default: defaultSettings.activityScope,
    choices: ['person', 'cart'],
    help: 'whose activity keeps a cart from being abandoned',
  },
  mergePolicy: {
    type: 'string',
    value: 'POLICY',
    default: defaultSettings.mergePolicy,
    choices: ['max', 'sum', 'replace'],
    help: "how an anonymous cart is folded into the user's on login",
  },
  serverSources: {
    type: 'string',
    value: 'LIST',
    default: defaultSettings.serverSources.join(','),
    help: "sources whose events are nobody's activity",
  },
} as const satisfies OptionTable

export function settingsOf(values: OptionValues<typeof settingsOptions>): Partial<Settings> {
  const { serverSources, activityScope, mergePolicy, ...numbers } = values
  return {
    ...numbers,
    // The table of options allows no other words.
    activityScope: activityScope as Settings['activityScope'],
    mergePolicy: mergePolicy as Settings['mergePolicy'],
    serverSources: listOf(serverSources),
  }
}
