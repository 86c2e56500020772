// Impossible states stop the process: an invariant that fails is a bug, never an operating failure.

export class InvariantError extends Error {
  override name = 'InvariantError'
}

export function invariant(condition: unknown, what: string): asserts condition {
  if (!condition) throw new InvariantError(`impossible state: ${what}`)
}
