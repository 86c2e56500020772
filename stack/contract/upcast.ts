// The seam for breaking changes (events.md 1.5): the log is never rewritten; an event of an older major is turned
// into the newest when it is read, one step per major. Today there is one major, and it is read as it is. When the
// second comes, its entry stands beside and the first gets a step that leads to it.

export type RawObject = Record<string, unknown>

const readers: Readonly<Record<string, (event: RawObject) => RawObject>> = {
  '1': (event) => event,
}

const versionPattern = /^(\d{1,4})\.\d{1,4}$/

/** The event as the newest major has it; undefined for a version nobody can read. */
export function upcast(event: RawObject, version: unknown): RawObject | undefined {
  if (version === '1.0') return event
  const major = typeof version === 'string' ? versionPattern.exec(version)?.[1] : undefined
  const read = major !== undefined && Object.hasOwn(readers, major) ? readers[major] : undefined
  return read?.(event)
}
