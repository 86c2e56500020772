// Whose events a visitor's events are. R2: an event with both anonymousId and userId links the one to the other from
// itself on; the person of an event is its own userId, else the link valid at it, else the visitor. R4: on A's first
// link everything `a:A` owned becomes that user's, so events before it are kept under that user's key, still marked
// `a:A`.

import { compareT3 } from '#stack/contract/order.ts'
import type { Ordered } from '#stack/contract/order.ts'
import type { Person } from '../model.ts'
import type { VisitorState } from '../visitor.ts'

export interface People {
  /** By index of the event: personId (R2), also the mark of what it did. */
  persons: Person[]
  /** Index of the event that is the visitor's first link; -1 where there is none here. */
  firstLink: number
  /** Where the events before the first link are kept; the visitor itself while there is no link. */
  unlinkedRoute: Person
}

export function peopleOf({ visitor, events, linked }: VisitorState): People {
  const persons: Person[] = []
  let current: Person = linked === null ? visitor : `u:${linked.last}`
  let firstLink = -1
  for (let i = 0; i < events.length; i++) {
    const { userId, isLink } = events[i] as VisitorState['events'][number]
    if (userId === undefined) persons.push(current)
    else {
      const user = `u:${userId}`
      persons.push(user)
      if (!isLink) continue
      current = user
      if (firstLink < 0 && linked === null) firstLink = i
    }
  }
  const unlinkedRoute =
    linked !== null ? `u:${linked.first}` : firstLink < 0 ? visitor : (persons[firstLink] as Person)
  return { persons, firstLink, unlinkedRoute }
}

export function routeOf(person: Person, { visitor }: VisitorState, people: People): Person {
  return person === visitor ? people.unlinkedRoute : person
}

/** R1, R2 for an event that is not kept: its own user, else the last link at or before it. */
export function personAt(
  { visitor, events, linked }: VisitorState,
  event: Ordered & { userId?: string | undefined },
): Person {
  if (event.userId !== undefined) return `u:${event.userId}`
  for (let i = events.length - 1; i >= 0; i--) {
    const link = events[i] as VisitorState['events'][number]
    if (link.isLink && compareT3(link, event) <= 0) return `u:${link.userId}`
  }
  return linked === null ? visitor : `u:${linked.last}`
}
