// What a statement that fails is answered.

import { messageOf } from '../base/errors.ts'
import { invalidQuery, Refused } from './refused.ts'
import { placed, SqlError } from './sql/sql-error.ts'

/** What DuckDB says at run time is an error of the statement; what it does not understand is ours. */
export function refusedOf(error: unknown, sql: string): unknown {
  if (error instanceof Refused) return error
  if (error instanceof SqlError) return invalidQuery(placed(error, sql))
  const message = messageOf(error)
  const own = /Could not convert string '(?:bq!)([^]*)' to INT64/.exec(message)?.[1]
  if (own !== undefined) return invalidQuery(own)
  const [, kind = ''] = /^([A-Z][A-Za-z ]+) Error: /.exec(message) ?? []
  if (kind === '') return error
  const text = message.replace(/^[A-Za-z ]+ Error: /, '').split('\n')[0] as string
  if (/^(Out of Range|Conversion|Invalid Input|Constraint)$/.test(kind)) {
    const isOverflow = kind === 'Out of Range' && /overflow/i.test(text)
    return invalidQuery(isOverflow ? `int64 overflow: ${text}` : text)
  }
  if (kind === 'Out of Memory') {
    return new Refused(
      400,
      'resourcesExceeded',
      `Resources exceeded during query execution: ${text}`,
    )
  }
  if (/must appear in the GROUP BY clause/.test(text)) {
    return invalidQuery(
      'SELECT list expression references a column which is neither grouped nor aggregated',
    )
  }
  return invalidQuery(`This statement is not supported by the embedded BigQuery (${kind}: ${text})`)
}
