// Where figures come from, in words: the sides that a link asks for, each with its word, its tone and its place. Strip,
// title and favicon are made from it, so that no two of them can disagree. Pure.

import type { CloudPlace } from '../../api/cloud.ts'
import type { Source } from './url-state.ts'

export interface Side {
  /** Its colour; `unknown` until the dashboard has said where the cloud is. */
  tone: 'local' | 'cloud' | 'emulator' | 'unknown'
  word: string
  says: string
  /** As the browser's tab has room for. */
  title: string
}

export function sidesOf(source: Source, place: CloudPlace | undefined): Side[] {
  if (source === 'local') return [local(place)]
  return source === 'cloud' ? [cloud(place)] : [local(place), cloud(place)]
}

function local(place: CloudPlace | undefined): Side {
  const stays = place?.mode === 'google' ? '' : ', nothing leaves it'
  return {
    tone: 'local',
    word: 'LOCAL',
    says: `this machine: Kafka and DuckDB${stays}`,
    title: 'LOCAL',
  }
}

function cloud(place: CloudPlace | undefined): Side {
  if (!place) return { tone: 'unknown', word: 'CLOUD', says: 'asking where it is', title: 'CLOUD' }
  if (place.mode === 'off')
    return { tone: 'cloud', word: 'CLOUD', says: 'off: nothing is mirrored', title: 'CLOUD off' }
  const { mode, projectId, dataset } = place
  const where = `project ${projectId}, dataset ${dataset}`
  return mode === 'google'
    ? {
        tone: 'cloud',
        word: 'CLOUD',
        says: `${where}: Pub/Sub and BigQuery of Google`,
        title: `CLOUD ${projectId}`,
      }
    : {
        tone: 'emulator',
        word: 'EMULATOR',
        says: `${where}: stand-ins of Pub/Sub and BigQuery`,
        title: `EMULATOR ${projectId}`,
      }
}

export function titleOf(sides: readonly Side[], page: string): string {
  return `${sides.map(({ title }) => title).join(' / ')} · ${page} · Slipway`
}

/** Of the two tinted halves, or of one. */
export function iconOf(sides: readonly Side[]): string {
  const tones = sides.map(({ tone }) => (tone === 'unknown' ? 'cloud' : tone))
  return `/${tones.join('-')}.svg`
}
