// A cart's story as text: how it ended, in a sentence for each episode; what happened, day by day; what was published of
// it; and what the rules say that it names.

import { minuteMs } from '#stack/base/units.ts'
import type { CartStory, StoryLine } from './story.ts'
import { activityOf, nameOfPerson, retractionOf, ruleWords, spanOf, worthOf } from './words.ts'

type Episode = CartStory['episodes'][number]
type Revision = CartStory['revisions'][number]

export function printStory(story: CartStory): string {
  const { cartKey, personId, watermarkAt, revisions } = story
  const until = watermarkAt === null ? 'at the end of time' : `at ${timeOf(watermarkAt)}`
  return [
    `Cart ${cartKey} of ${nameOfPerson(personId)}, as known ${until}. All times are UTC.`,
    ...section('In short', storyInShort(story)),
    ...section('What happened', daysOf(story)),
    ...section('What was published', publishedOf(revisions)),
    ...section('The rules by number', rulesOf(story)),
    '',
  ].join('\n')
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', title, ...lines.map((line) => `  ${line}`)]
}

function storyInShort({ episodes, windows }: CartStory): string[] {
  const sentences = episodes.map((row) => {
    const number = episodes.length === 1 ? '' : `Episode ${row.episode}: `
    const back = row.afterAbandonment ? 'taken up again after an abandonment, ' : ''
    return capital(`${number}${back}${fateOf(row, windows)}.`)
  })
  const several = episodes.length === 1 ? [] : [episodeWords]
  const consent =
    episodes.at(-1)?.contactable === false ? ['The customer has not agreed to be written to.'] : []
  return [...sentences, ...several, ...consent]
}

const episodeWords =
  'An episode is a cart from the first thing put in until it is bought, left or emptied; then the next one begins.'

function fateOf(row: Episode, { recoveryWindowMs }: CartStory['windows']): string {
  const { state, stage, closedAt, deadlineAt, orderId } = row
  const worth = worthOf(row)
  const reached = stage === 'cart' ? '' : ` in the ${stage === 'payment' ? 'payment' : 'checkout'}`
  const abandoned = `abandoned${reached} on ${timeOf(row.abandonedAt ?? deadlineAt)} with ${worth}`
  const left = `${abandoned}${row.suppressed ? ' (too soon after another: not to be reminded)' : ''}`
  switch (state) {
    case 'open':
      return `open with ${worth}; abandoned on ${timeOf(deadlineAt)} unless something happens`
    case 'converted':
      return `bought on ${timeOf(closedAt)} with order ${orderId}: ${worth}${asRecovery(row)}`
    case 'abandoned':
      return `${left}; can be recovered for ${spanOf(recoveryWindowMs)} from then`
    case 'recovered':
      return `${left}, recovered on ${timeOf(row.recoveredAt)} by order ${orderId}`
    case 'lost':
      return `${left}, and not bought within ${spanOf(recoveryWindowMs)}: lost`
    case 'emptied':
      return `emptied on ${timeOf(closedAt)}`
    case 'merged':
      return `went on as ${successorOf(row)} on ${timeOf(closedAt)}, with ${worth}`
    case 'ignored_small':
      return `left on ${timeOf(deadlineAt)} with ${worth}, too little to remind anybody of it`
  }
}

/** R4: by a first login that of the customer, else what a merge named. */
function successorOf({ cartKey, personId }: Episode): string {
  return cartKey.startsWith('a:') ? `the cart of ${nameOfPerson(personId)}` : 'another cart'
}

/** C of 2.7. */
function asRecovery({ afterAbandonment }: Episode): string {
  return afterAbandonment ? ' (counted as a recovery, not once more as a conversion)' : ''
}

function daysOf(story: CartStory): string[] {
  const usual = story.lines.find(({ event }) => event !== null)?.event ?? null
  const days: string[] = []
  let day = ''
  let inCart = ''
  for (const line of story.lines) {
    if (line.at.slice(0, 10) !== day) days.push((day = line.at.slice(0, 10)))
    const worth = line.inCart === null ? inCart : worthOf(line.inCart)
    days.push(...told(line, usual, worth === inCart ? null : worth))
    inCart = worth
  }
  return days
}

/** `worth`: what is in the cart now, if it is something else than before. */
function told(line: StoryLine, usual: StoryLine['event'], worth: string | null): string[] {
  const { at, until, isIgnored, rules, deadlineAt } = line
  const isMoment = clockOf(at) === clockOf(until) && at.slice(0, 10) === until.slice(0, 10)
  const when = isMoment ? clockOf(at) : `${clockOf(at)}–${clockOf(until)}`
  const head = `${isIgnored ? '-' : ' '} ${when.padEnd(17)}  `
  const note = [byWhom(line, usual), lateness(line), `[${rules.join(', ')}]`].filter(Boolean)
  const content = worth === null ? [] : [`in it: ${worth}`]
  const time = deadlineAt === null ? [] : [`deadline ${timeOn(deadlineAt, until)}`]
  const after = [...content, ...time].join('; ')
  const lines = [`${head}${wordsOfLine(line)} ${note.join(' ')}`]
  return after === '' ? lines : [...lines, ' '.repeat(head.length) + after]
}

/** Nothing but activity. */
function isMere({ text }: StoryLine): boolean {
  return text === 'activity'
}

/** Of mere activity, what it was; of what did nothing, what it was and why it did nothing. */
function wordsOfLine(line: StoryLine): string {
  const { events, isIgnored, text } = line
  if (isIgnored) return `${activityOf(events)}: ${text}`
  return isMere(line) ? `active: ${activityOf(events)}` : text
}

/** Where it is not whom one would think. */
function byWhom({ event }: StoryLine, usual: StoryLine['event']): string {
  if (event === null || usual === null) return ''
  const { anonymousId, userId, source } = event
  const who =
    anonymousId === usual.anonymousId
      ? []
      : [userId && `customer ${userId}`, anonymousId && `browser ${anonymousId}`].filter(Boolean)
  const by = who.length === 0 ? '' : `by ${who.join(' on ')}`
  return [by, source === usual.source ? '' : `from ${source}`].filter(Boolean).join(' ')
}

function lateness({ event }: StoryLine): string {
  if (event === null || event.lagMs < minuteMs) return ''
  return `(came ${spanOf(event.lagMs)} late, on ${timeOf(event.receivedAt)})`
}

const statusWords: Partial<Record<string, string>> = { retracted: 'taken back (retracted)' }

/** When and what, as somebody who follows the topic was told. */
function publishedOf(revisions: readonly Revision[]): string[] {
  return revisions.map((record) => {
    const { status, reason, abandonedAt, suppressed, episode, revision } = record
    const what =
      status === 'abandoned'
        ? `abandoned as of ${timeOf(abandonedAt)}`
        : (statusWords[status] ?? status)
    const why = reason === null ? '' : `: ${retractionOf(reason)}`
    const quiet = suppressed ? ', suppressed' : ''
    const name = `record ${record.abandonmentId.slice(0, 8)} of episode ${episode}, revision ${revision}`
    return `${timeOf(record.processedAt)}  ${what}${quiet}${why} (${name})`
  })
}

function rulesOf({ lines }: CartStory): string[] {
  const named = [...new Set(lines.flatMap(({ rules }) => rules))]
  return named
    .toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    .flatMap((rule) => {
      const words = ruleWords[rule]
      return words === undefined ? [] : [`${rule.padEnd(4)} ${words}`]
    })
}

function capital(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1)
}

function timeOf(iso: string | null): string {
  return iso === null ? 'a time unknown' : iso.slice(0, 19).replace('T', ' ')
}

function clockOf(iso: string): string {
  return iso.slice(11, 19)
}

/** Without the day where it is the same. */
function timeOn(iso: string, day: string): string {
  return iso.slice(0, 10) === day.slice(0, 10) ? clockOf(iso) : timeOf(iso)
}
