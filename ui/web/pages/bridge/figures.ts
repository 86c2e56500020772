// The figures and sentences of the Bridge page from what the API answers. Pure.

import type { BridgeAnswer } from '../../../api/bridge.ts'
import type { Parity, TableAgreement } from '../../../api/bridge/parity.ts'
import type {
  BridgeStatus,
  LaneStatus,
  RetryClass,
  StreamStatus,
} from '../../../api/bridge/status.ts'
import { duration, exact, plural } from '../../parts/format.ts'

export type Tone = 'ok' | 'warn' | 'bad' | 'plain'

/** How it stands in a sentence, and where somebody is to act, what to do. */
export interface Standing {
  tone: Tone
  says: string
  next?: string
}

const steps = {
  off: 'Stop the stack and start it with `npm start -- --cloud emulator`: stand-ins of Pub/Sub and BigQuery run on this machine, and nothing leaves it.',
  bridgeAway:
    'A stack that `npx slipway start` runs starts it again by itself, and it goes on where it was. If it stays away, its last words are in `logs/bridge.log` of the data folder.',
  standInAway:
    'It is started again by itself; what is not sent waits in the topics and in history, and nothing is lost. `npx slipway doctor` says what is in the way if it stays away.',
} as const

export function standingOf({ place, word, parts }: BridgeAnswer): Standing {
  if (word.is === 'off') {
    return { tone: 'plain', says: 'Nothing is mirrored: the cloud side is off.', next: steps.off }
  }
  if (word.is === 'away') {
    const says = `The bridge does not answer (${word.detail}). Local figures are unaffected; the cloud side stands still.`
    return { tone: 'bad', says, next: steps.bridgeAway }
  }
  const away = ['pubsub', 'bigquery'].filter((name) => parts[name]?.state === 'away')
  if (away.length > 0) {
    const names = away.map((name) => (name === 'pubsub' ? 'Pub/Sub' : 'BigQuery')).join(' and ')
    const says = `The stand-in of ${names} does not answer. ${behindWords(word.status)} ${refusedWords(word.status)}`
    return { tone: 'bad', says, next: steps.standInAway }
  }
  const { status } = word
  const where = place.mode === 'google' ? `the project ${place.projectId}` : 'the stand-ins'
  const standing = `${behindWords(status)} ${refusedWords(status)}`
  const errors =
    status.openErrors > 0
      ? { next: '`npx slipway bridge retry-errors` sends once more what was refused.' }
      : {}
  switch (status.state) {
    case 'stopped':
      return { tone: 'bad', says: `Part of it is stopped. ${standing}`, next: status.detail }
    case 'waiting':
      return { tone: 'warn', says: `Part of it waits. ${standing}`, next: status.detail }
    case 'running':
    case 'caught-up':
      return {
        tone: status.openErrors > 0 ? 'warn' : isFarBehind(status) ? 'plain' : 'ok',
        says: `Mirroring to ${where}. ${standing}`,
        ...errors,
      }
  }
}

/** More than what is always on its way. */
const isFarBehind = ({ oldestUnsentMs }: BridgeStatus): boolean => (oldestUnsentMs ?? 0) > 60_000

function behindWords(status: BridgeStatus): string {
  const { lagRecords, oldestUnsentMs } = status
  const toGo = `${exact(lagRecords)} to go`
  if (oldestUnsentMs === null) return lagRecords === 0 ? 'Up to date.' : `${toGo}.`
  const behind = `${duration(oldestUnsentMs)} behind`
  return isFarBehind(status) ? `${behind}, ${toGo}.` : `${behind}.`
}

const refusedWords = ({ openErrors }: BridgeStatus): string => `${exact(openErrors)} refused.`

/** What was seen of a stream at a time of this browser. */
interface Sight {
  atMs: number
  sent: ReadonlyMap<string, number>
}

const rateOverMs = 15_000

/** Records a second of each stream, over the last quarter of a minute in which it was looked at. */
export class Rates {
  #sights: Sight[] = []

  /** By lane and stream; a stream that was not seen twice, or counts from nothing again, has none. */
  see(status: BridgeStatus, atMs: number): Map<string, number> {
    const sent = new Map<string, number>()
    for (const { lane, streams } of status.lanes)
      for (const { stream, counts } of streams) sent.set(`${lane} ${stream}`, counts.sent)
    const known = this.#sights.filter((sight) => sight.atMs > atMs - rateOverMs)
    this.#sights = [...known, { atMs, sent }]
    const [first = { atMs, sent }] = known
    const seconds = (atMs - first.atMs) / 1000
    const rates = new Map<string, number>()
    for (const [name, now] of sent) {
      const before = first.sent.get(name)
      if (seconds > 0 && before !== undefined && now >= before)
        rates.set(name, (now - before) / seconds)
    }
    return rates
  }
}

/** What a lane has done since the bridge started. */
export function lifeWords(
  lane: LaneStatus | undefined,
  noun: string,
  retries: readonly RetryClass[],
): string {
  const sum = (of: keyof StreamStatus['counts']) =>
    lane?.streams.reduce((total, { counts }) => total + counts[of], 0) ?? 0
  const classes = retries.map(({ code, requests }) => `${exact(requests)} ${code}`).join(', ')
  return [
    `${plural(sum('sent'), noun)} since the bridge started`,
    `${plural(sum('retries'), 'request')} sent again${classes === '' ? '' : `: ${classes}`}`,
    ...(sum('dedupHits') > 0 ? [`${plural(sum('dedupHits'), 'request')} had arrived before`] : []),
  ].join(' · ')
}

const troubles = ['stopped', 'waiting']

/** Who is in trouble comes first. */
export function inOrder(streams: readonly StreamStatus[]): StreamStatus[] {
  const rank = ({ state }: StreamStatus) => (troubles.includes(state) ? troubles.indexOf(state) : 2)
  return [...streams].sort((a, b) => rank(a) - rank(b))
}

export function parityStanding(parity: Parity): Standing {
  switch (parity.is) {
    case 'off':
      return { tone: 'plain', says: 'There is no other side to compare with.' }
    case 'checking':
      return { tone: 'plain', says: 'Counting on both sides…' }
    case 'away': {
      const of = parity.of === 'history' ? 'History' : 'BigQuery'
      const says = `Not compared: ${of} did not answer (${parity.detail}).`
      return { tone: 'warn', says, next: 'It is tried again by itself.' }
    }
    case 'compared':
      return comparedStanding(parity.tables, parity.asOfSeq)
  }
}

function comparedStanding(tables: readonly TableAgreement[], asOfSeq: number): Standing {
  const asOf = `as of _seq ${exact(asOfSeq)}`
  const differing = tables.filter(({ agreement }) => agreement === 'differs')
  if (differing.length > 0) {
    const names = differing.map(({ table }) => table).join(', ')
    const next = '`npx slipway bridge verify` names the rows.'
    return { tone: 'bad', says: `Row counts differ in ${names}, ${asOf}.`, next }
  }
  const missing = tables.reduce((sum, { history, bigquery }) => sum + history - bigquery, 0)
  if (missing > 0) {
    return { tone: 'warn', says: `BigQuery is ${plural(missing, 'row')} behind, ${asOf}.` }
  }
  const rows = tables.reduce((sum, { history }) => sum + history, 0)
  return { tone: 'ok', says: `Equal: ${exact(rows)} rows on both sides, ${asOf}.` }
}
