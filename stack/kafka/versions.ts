// Which versions of each API are served and advertised: all of the message table, or with a persona only those that the
// other broker advertises, too.

import { apiTable } from './protocol/messages/index.ts'
import { advertisedBy, personaOf } from './personas.ts'
import type { PersonaName } from './personas.ts'

export interface ServedVersions {
  from: number
  to: number
}

/** As ApiVersions lists it. */
interface AdvertisedVersions {
  apiKey: number
  minVersion: number
  maxVersion: number
}

export interface Versions {
  /** By API key. */
  served: ReadonlyMap<number, ServedVersions>
  advertised: AdvertisedVersions[]
  /** What comes with UNSUPPORTED_VERSION, the answer to an ApiVersions of a version that is not served. */
  advertisedWithRefusal: AdvertisedVersions[]
}

const apiVersionsKey = 18

/** Of the broker named, or of ours. */
export function versionsAs(name?: string): Versions {
  const persona = name === undefined ? undefined : personaOf(name)
  const offered = apiTable.flatMap(({ key, name: api, from, to, advertisedFrom }) => {
    const { lowest, highest } = limitsOf(persona, api) ?? nothing
    const minVersion = Math.max(advertisedFrom, lowest)
    const maxVersion = Math.min(to, highest)
    if (minVersion > maxVersion) return []
    const served = { from: Math.max(from, lowest), to: maxVersion }
    return [{ served, advertised: { apiKey: key, minVersion, maxVersion } }]
  })
  const advertised = offered.map((each) => each.advertised)
  return {
    served: new Map(offered.map((each) => [each.advertised.apiKey, each.served])),
    advertised,
    // Kafka tells the range of that one API (KIP-511), Redpanda those of all.
    advertisedWithRefusal: persona?.startsWith('redpanda')
      ? advertised
      : advertised.filter(({ apiKey }) => apiKey === apiVersionsKey),
  }
}

const nothing = { lowest: 0, highest: -1 }

function limitsOf(persona: PersonaName | undefined, api: string) {
  return persona === undefined ? { lowest: 0, highest: Infinity } : advertisedBy(persona, api)
}
