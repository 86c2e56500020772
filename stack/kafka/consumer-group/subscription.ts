// Which topics a member reads: those that it names and those that its expression matches whole. Expressions are RE2's,
// whose time grows with the text alone, so that no member can hold the broker up. The engine is loaded with the first.

import { createRequire } from 'node:module'
import type { RE2JS } from 're2js'
import { messageOf } from '../../base/errors.ts'
import type { Topic } from '../topics/topic.ts'
import type { TopicSizes } from './assignors.ts'
import type { ConsumerMember } from './member.ts'

/** What is wrong with the expression; undefined: nothing. */
export function regexFault(regex: string): string | undefined {
  try {
    compiled(regex)
    return undefined
  } catch (error) {
    const why = messageOf(error).replace('error parsing regexp: ', '')
    return `SubscribedTopicRegex \`${regex}\` is not a valid regular expression: ${why}.`
  }
}

/** Ids of the topics that there are. */
export function topicIdsOf(
  { topicNames, topicRegex }: ConsumerMember,
  topics: readonly Topic[],
): Set<string> {
  const named = new Set(topicNames)
  const regex = topicRegex === null ? undefined : compiled(topicRegex)
  const isRead = ({ name }: Topic) => named.has(name) || regex?.matches(name) === true
  return new Set(topics.filter(isRead).map(({ id }) => id))
}

export function sizesOf(topicIds: ReadonlySet<string>, topics: readonly Topic[]): TopicSizes {
  return new Map(
    topics
      .filter(({ id }) => topicIds.has(id))
      .map(({ id, partitions }) => [id, partitions.length]),
  )
}

const regexesMax = 100
const regexes = new Map<string, RE2JS>()
let engine: typeof RE2JS | undefined

function compiled(regex: string): RE2JS {
  const known = regexes.get(regex)
  if (known) return known
  const load = createRequire(import.meta.url)
  engine ??= (load('re2js') as { RE2JS: typeof RE2JS }).RE2JS
  const made = engine.compile(regex)
  if (regexes.size === regexesMax) regexes.clear()
  regexes.set(regex, made)
  return made
}
