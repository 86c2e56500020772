// A cart explained (`slipway why`): the fold once more with a listener, told as a timeline. Each line is an event, several
// events of mere activity, or time alone; it says what happened to which episode, by which rule, until when the cart has
// time now, and of an event that did nothing why.

import { isoTime } from '#stack/base/units.ts'
import type { AbandonmentRecord } from '#stack/contract/cart.ts'
import type { Settings } from '#stack/contract/settings.ts'
import { actingEvents } from '../cart/event-set.ts'
import { foldPerson } from '../cart/fold.ts'
import { cartIdsNamed, cartKeyOf, roleOf } from '../cart/roles.ts'
import type { CartRow } from '../cart/rows.ts'
import type { Effect, Remark } from '../cart/trace.ts'
import type { CartEvent } from '../model.ts'
import { gatherCarts } from './gather.ts'
import type { Gathered, KnownEvent } from './gather.ts'
import { reasonOf, wordsOf } from './words.ts'
import type { Reason, Worth } from './words.ts'

export interface CartStory {
  cartKey: string
  personId: string
  /** After its last activity a cart has so long, from its start at most so long; then it can be recovered for so long. */
  windows: Pick<Settings, 'abandonAfterMs' | 'maxCartAgeMs' | 'recoveryWindowMs'>
  /** Up to which time carts were judged; null: the end of time. */
  watermarkAt: string | null
  lines: StoryLine[]
  /** As the table `carts` has them. */
  episodes: CartRow[]
  /** What was published of its verdicts, oldest first. */
  revisions: Pick<
    AbandonmentRecord,
    | 'abandonmentId'
    | 'episode'
    | 'revision'
    | 'status'
    | 'reason'
    | 'abandonedAt'
    | 'suppressed'
    | 'processedAt'
  >[]
}

export interface StoryLine {
  at: string
  /** The last of several events that are told together. */
  until: string
  /** How many of each name; none: time alone. */
  events: Record<string, number>
  /** Null: time alone. Of several events the last. */
  event: StoryEvent | null
  episode: number | null
  isIgnored: boolean
  rules: string[]
  text: string
  /** After it; null where it did nothing to the cart. */
  inCart: Worth | null
  deadlineAt: string | null
}

export interface StoryEvent {
  eventId: string
  source: string
  name: string
  anonymousId: string | null
  userId: string | null
  receivedAt: string
  /** How long after it happened it was received. */
  lagMs: number
}

export interface Asked {
  cartKey: string
  watermarkMs: number
  settings: Settings
  /** Of `cart-abandonment`, of any cart, in the order of the topic. */
  verdicts?: readonly AbandonmentRecord[]
}

/**
 * `events`: in the order of the log, those of everybody who ever named the cart or is tied to them by a login. Null: no
 * event of theirs ever made such a cart.
 */
export function explainCart(events: readonly KnownEvent[], asked: Asked): CartStory | null {
  const { cartKey, watermarkMs, settings, verdicts = [] } = asked
  const gathered = gatherCarts(events, settings)
  const kept = keyOf(gathered, cartKey)
  if (kept === undefined) return null
  const remarks: Remark[] = []
  const trace = (remark: Remark): void => void remarks.push(remark)
  const fold = foldPerson(kept, watermarkMs, settings, { trace })
  const episodes = fold.episodes.map(({ row }) => row).filter((row) => row.cartKey === cartKey)
  if (episodes.length === 0) return null
  const telling = { cartKey, events: actingEvents(kept), remarks, episodes, settings }
  return {
    cartKey,
    personId: episodes.at(-1)?.personId ?? cartKey,
    windows: windowsOf(settings),
    watermarkAt: Number.isFinite(watermarkMs) ? isoTime(watermarkMs) : null,
    lines: together([...tell(telling), ...tellExcluded(gathered, telling)].sort(inOrder)),
    episodes,
    revisions: verdicts.filter((record) => record.cartKey === cartKey).map(revisionOf),
  }
}

function windowsOf(settings: Settings): CartStory['windows'] {
  const { abandonAfterMs, maxCartAgeMs, recoveryWindowMs } = settings
  return { abandonAfterMs, maxCartAgeMs, recoveryWindowMs }
}

function keyOf({ keys }: Gathered, cartKey: string): CartEvent[] | undefined {
  for (const events of keys.values()) {
    const isKept = events.some(
      (event) =>
        (cartKeyOf(event) === cartKey && event.namedCart !== 'elsewhere') ||
        (event.namedCart === 'owner' && cartIdsNamed(event).some((id) => `c:${id}` === cartKey)),
    )
    if (isKept) return events
  }
  return undefined
}

/** `place`: in T3 order, of what has the same time; what time does comes first. */
type PlacedLine = StoryLine & { place: number }

interface Telling {
  cartKey: string
  events: readonly CartEvent[]
  remarks: readonly Remark[]
  episodes: readonly CartRow[]
  settings: Settings
}

/** What the fold said of this cart; and of the owner's events that it said nothing of, why they did nothing. */
function tell(telling: Telling): PlacedLine[] {
  const { cartKey, events, remarks } = telling
  const lines: PlacedLine[] = []
  const spoken = new Set<number>()
  for (const group of groupsOf(remarks.filter((remark) => concerns(telling, remark)))) {
    const [first] = group
    if (first.at !== null) spoken.add(first.at)
    const event = first.at === null ? null : (events[first.at] as CartEvent)
    lines.push({ ...lineOf(group, event, telling), place: first.at ?? -1 })
  }
  const owners = ownersOf(telling)
  for (const [at, event] of events.entries()) {
    const isOf = owners.has(event.mark) || cartKeyOf(event) === cartKey
    if (!isOf || spoken.has(at) || !isWithin(telling, event)) continue
    lines.push({ ...ignoredLine(event, silenceOf(event, telling)), place: at })
  }
  return lines
}

function concerns({ cartKey, events }: Telling, { cartKey: told, at }: Remark): boolean {
  if (told !== null || at === null) return told === cartKey
  const event = events[at] as CartEvent
  // A purchase that closed nothing is of interest to each of the person's carts.
  return roleOf(event.name) === 'purchase' || cartKeyOf(event) === cartKey
}

/** What one event did to one episode is one line. */
function groupsOf(remarks: readonly Remark[]): [Remark, ...Remark[]][] {
  const groups: [Remark, ...Remark[]][] = []
  for (const remark of remarks) {
    const last = groups.at(-1)
    const isSame =
      last !== undefined &&
      remark.at !== null &&
      last[0].at === remark.at &&
      last[0].episode === remark.episode
    if (isSame) last.push(remark)
    else groups.push([remark])
  }
  return groups
}

const withoutEffect: ReadonlySet<Effect> = new Set([
  'no cart to change',
  'nothing to merge',
  'order known',
  'cart of somebody else',
  'no match',
  'waits for a deadline',
])

/** After these a deadline means nothing. */
const closing: ReadonlySet<Effect> = new Set([
  'emptied',
  'expired',
  'too small',
  'converted',
  'recovered',
  'merged',
])

function lineOf(
  group: [Remark, ...Remark[]],
  event: CartEvent | null,
  { settings }: Telling,
): StoryLine {
  const [first] = group
  const last = group.at(-1) ?? first
  const at = isoTime(first.timeMs)
  const { units, valueMinor, currency } = last
  const isIgnored = group.every(({ effect }) => withoutEffect.has(effect))
  const { deadlineMs } = last
  const hasTime = deadlineMs !== null && deadlineMs > first.timeMs
  const isOver = group.some(({ effect }) => closing.has(effect))
  return {
    at,
    until: at,
    events: event === null ? {} : { [event.name]: 1 },
    event: event === null ? null : storyEvent(event),
    episode: first.episode,
    isIgnored,
    rules: [...new Set(group.map(({ rule }) => rule))],
    text: wordsOf(group, event, settings),
    inCart: isIgnored ? null : { units, valueMinor, currency },
    deadlineAt: hasTime && !isOver ? isoTime(deadlineMs) : null,
  }
}

function ignoredLine(event: CartEvent, reason: Reason): StoryLine {
  const { text, rule } = reasonOf(reason)
  const at = isoTime(event.timeMs)
  return {
    at,
    until: at,
    events: { [event.name]: 1 },
    event: storyEvent(event),
    episode: null,
    isIgnored: true,
    rules: [rule],
    text,
    inCart: null,
    deadlineAt: null,
  }
}

function storyEvent(event: CartEvent): StoryEvent {
  return {
    eventId: event.eventId,
    source: event.source,
    name: event.name,
    anonymousId: event.anonymousId ?? null,
    userId: event.userId ?? null,
    receivedAt: isoTime(event.receivedMs),
    lagMs: event.receivedMs - event.timeMs,
  }
}

/** Whose the cart was, before and after a login. */
function ownersOf({ cartKey, events, episodes }: Telling): Set<string> {
  const first = events.find(
    (event) => cartKeyOf(event) === cartKey && roleOf(event.name) !== 'purchase',
  )
  return new Set([...episodes.map(({ personId }) => personId), first?.mark ?? cartKey])
}

/** From its first start until it is over for good. */
function isWithin({ episodes, settings }: Telling, { timeMs }: CartEvent): boolean {
  const startMs = Math.min(...episodes.map(({ startedAt }) => Date.parse(startedAt)))
  const endMs = Math.max(
    ...episodes.map(({ closedAt, deadlineAt }) =>
      closedAt === null ? Date.parse(deadlineAt) + settings.recoveryWindowMs : Date.parse(closedAt),
    ),
  )
  return startMs <= timeMs && timeMs <= endMs
}

function silenceOf({ isActivity, timeMs }: CartEvent, { episodes, settings }: Telling): Reason {
  if (!isActivity) return 'no activity'
  const last = episodes.at(-1)
  if (last?.state === 'merged' && Date.parse(last.closedAt ?? '') <= timeMs) return 'merged before'
  const isOpen = ({ startedAt, deadlineAt, closedAt }: CartRow): boolean =>
    Date.parse(startedAt) <= timeMs && timeMs < Date.parse(closedAt ?? deadlineAt)
  if (settings.activityScope === 'cart' && episodes.some(isOpen)) return 'other cart'
  const hasBegun = episodes.some(({ startedAt }) => Date.parse(startedAt) < timeMs)
  return hasBegun ? 'after its deadline' : 'no open cart'
}

function tellExcluded({ excluded }: Gathered, telling: Telling): PlacedLine[] {
  const ids = new Set(telling.events.flatMap(({ anonymousId, userId }) => [anonymousId, userId]))
  ids.delete(undefined)
  return excluded
    .filter(({ event }) => roleOf(event.name) !== 'activity')
    .filter(({ event }) => ids.has(event.anonymousId) || ids.has(event.userId))
    .map(({ event, why }) => {
      const { text, rule } = reasonOf(why)
      const lagMs = Date.parse(event.receivedAt) - Date.parse(event.eventTime)
      const { eventId, source, name, anonymousId = null, userId = null, receivedAt } = event
      return {
        at: event.eventTime,
        until: event.eventTime,
        events: { [name]: 1 },
        event: { eventId, source, name, anonymousId, userId, receivedAt, lagMs },
        episode: null,
        isIgnored: true,
        rules: [rule],
        text,
        inCart: null,
        deadlineAt: null,
        place: Infinity,
      }
    })
}

/** Mere activity that does the same is told together; the last of it has the last word on the deadline. */
function together(lines: readonly PlacedLine[]): StoryLine[] {
  const told: StoryLine[] = []
  for (const { place: _place, ...line } of lines) {
    const last = told.at(-1)
    if (last !== undefined && isMere(last) && isMere(line) && isAlike(last, line)) {
      told[told.length - 1] = { ...line, at: last.at, events: added(last.events, line.events) }
    } else told.push(line)
  }
  return told
}

function added(a: StoryLine['events'], b: StoryLine['events']): StoryLine['events'] {
  const counts = { ...a }
  for (const [name, count] of Object.entries(b)) counts[name] = (counts[name] ?? 0) + count
  return counts
}

function isMere({ event, rules }: StoryLine): boolean {
  const [rule, ...more] = rules
  return event !== null && more.length === 0 && rule !== undefined && mereRules.has(rule)
}

/** R4: of an event that is told in the cart that this one was folded into. */
const mereRules: ReadonlySet<string> = new Set(['R4', 'R12', 'R13'])

/** By the same people in the same way. */
function isAlike(a: StoryLine, b: StoryLine): boolean {
  return (
    a.isIgnored === b.isIgnored &&
    a.episode === b.episode &&
    a.text === b.text &&
    a.event?.anonymousId === b.event?.anonymousId &&
    a.event?.source === b.event?.source
  )
}

function inOrder(a: PlacedLine, b: PlacedLine): number {
  return Date.parse(a.at) - Date.parse(b.at) || a.place - b.place
}

function revisionOf(record: AbandonmentRecord): CartStory['revisions'][number] {
  const { abandonmentId, episode, revision, status, reason, abandonedAt, suppressed, processedAt } =
    record
  return { abandonmentId, episode, revision, status, reason, abandonedAt, suppressed, processedAt }
}
