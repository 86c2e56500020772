// What a topic may be called: Kafka's rule, and its rule that two names may not differ in a dot and an underscore
// only, because metrics names cannot tell them apart.

/**
 * Where Kafka keeps what groups commit. Here that is in the journal; the topic is there, empty, for clients that take
 * its absence for a cluster without groups.
 */
export const offsetsTopic = '__consumer_offsets'

export function isInternalTopic(name: string): boolean {
  return name === offsetsTopic
}

const lengthMax = 249
const pattern = /^[a-zA-Z0-9._-]+$/

/** Says what is wrong with the name, or nothing. */
export function topicNameFault(name: string): string | undefined {
  if (name === '') return 'Topic name is invalid: it is empty'
  if (name === '.' || name === '..') return `Topic name is invalid: it is ${name}`
  if (name.length > lengthMax)
    return `Topic name is invalid: it is longer than ${lengthMax} characters`
  if (!pattern.test(name)) {
    return `Topic name is invalid: '${name}' holds a character other than ASCII letters, digits, '.', '_' and '-'`
  }
  return undefined
}

export function collidingName(name: string, others: Iterable<string>): string | undefined {
  const flat = name.replaceAll('.', '_')
  for (const other of others) {
    if (other !== name && other.replaceAll('.', '_') === flat) return other
  }
  return undefined
}
