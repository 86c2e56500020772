// A cart's story as text for a terminal: one dense line an event, then where each episode stands, then what was published.

import type { CartStory, StoryLine } from './story.ts'
import { worthOf } from './words.ts'

export function printStory(story: CartStory): string {
  const { cartKey, personId, watermarkAt, lines, episodes, revisions } = story
  const judged = watermarkAt === null ? 'the end of time' : shortTime(watermarkAt)
  return [
    `cart ${cartKey} of ${personId}, judged up to ${judged} (UTC)`,
    '',
    ...lines.flatMap(printLine),
    '',
    ...episodes.map(printEpisode),
    ...(revisions.length === 0 ? [] : ['', ...revisions.map(printRevision)]),
    '',
  ].join('\n')
}

function printLine(line: StoryLine): string[] {
  const { at, until, eventCount, event, isIgnored, rules, text } = line
  const when = at === until ? shortTime(at) : `${shortTime(at)} to ${until.slice(11, 19)}`
  const what =
    event === null ? '(time)' : eventCount > 1 ? `${eventCount} × ${event.name}` : event.name
  const mark = isIgnored ? '-' : ' '
  return [`${mark} ${when}  ${what}${byWhom(line)} [${rules.join(', ')}]`, `    ${text}`]
}

function byWhom({ event }: StoryLine): string {
  if (event === null) return ''
  const { anonymousId, userId, source, lagMs } = event
  const who = [userId && `u:${userId}`, anonymousId && `a:${anonymousId}`].filter(Boolean).join(' ')
  const late = lagMs < 1000 ? '' : `, received ${span(lagMs)} later`
  return ` by ${who} through ${source}${late}`
}

function printEpisode(row: CartStory['episodes'][number]): string {
  const { episode, state, deadlineAt, abandonedAt, orderId, contactable } = row
  const worth = worthOf(row.units, row.valueMinor, row.currency)
  const deadline = state === 'open' ? `, deadline ${shortTime(deadlineAt)}` : ''
  const abandoned = abandonedAt === null ? '' : `, abandoned ${shortTime(abandonedAt)}`
  const order = orderId === null ? '' : `, order ${orderId}`
  const silent = contactable ? '' : ', not to be written to'
  return `episode ${episode}: ${state}, ${worth}${deadline}${abandoned}${order}${silent}`
}

function printRevision(record: CartStory['revisions'][number]): string {
  const { abandonmentId, episode, revision, status, reason, abandonedAt, suppressed } = record
  const why = reason === null ? '' : ` (${reason})`
  const quiet = suppressed ? ', suppressed' : ''
  return `verdict ${abandonmentId.slice(0, 8)} of episode ${episode}, revision ${revision}: ${status}${why}, due ${shortTime(abandonedAt)}${quiet}`
}

function shortTime(iso: string): string {
  return iso.replace('T', ' ').replace('Z', '').replace('.000', '')
}

function span(ms: number): string {
  const seconds = Math.round(ms / 1000)
  if (seconds < 120) return `${seconds} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`
}
