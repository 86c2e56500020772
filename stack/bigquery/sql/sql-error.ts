// What is wrong with a statement, and where. Becomes 400 invalidQuery with the place as [line:column].

export class SqlError extends Error {
  override name = 'SqlError'
  readonly at: number | undefined

  constructor(message: string, at?: number) {
    super(message)
    this.at = at
  }
}

/** What GoogleSQL may know, but this translator does not: refused, never passed on. */
export const unsupported = (what: string, at?: number): SqlError =>
  new SqlError(`${what} is not supported by the embedded BigQuery`, at)

/** The message as the live service writes it, with the place in the statement. */
export function placed(error: SqlError, sql: string): string {
  if (error.at === undefined) return error.message
  const before = sql.slice(0, error.at).split('\n')
  return `${error.message} at [${before.length}:${(before.at(-1) as string).length + 1}]`
}
