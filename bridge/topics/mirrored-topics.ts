// Which topics are mirrored, and what they are called there: all that are no business of the processor's alone, under
// their own names. Not `bridge-errors`: what cannot be told there could not be told anywhere.

import { topics } from '#stack/contract/topics.ts'
import type { TopicDefinition } from '#stack/contract/topics.ts'

export const mirroredTopics: readonly TopicDefinition[] = Object.values(topics).filter(
  (topic: TopicDefinition) => !topic.internal && topic.name !== topics.bridgeErrors.name,
)

/** Full name at Pub/Sub. */
export function topicAtPubSub(projectId: string, topic: string): string {
  return `projects/${projectId}/topics/${topic}`
}
