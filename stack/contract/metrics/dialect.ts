// The few things that DuckDB and GoogleSQL write differently. Everything else in the SQL texts reads the same.

import { isoTime } from '../../base/units.ts'

export type DialectName = 'duckdb' | 'bigquery'

export interface Dialect {
  name: DialectName
  text(value: string): string
  timestamp(ms: number): string
  /** b - a in milliseconds. */
  msBetween(a: string, b: string): string
  plusMs(time: string, ms: number): string
  /** The start of the UTC minute, or of the UTC quarter of an hour. */
  floor(time: string, unit: 'minute' | 'quarter'): string
  /** True where an array of strings holds the text. */
  holds(array: string, value: string): string
  /** A join that gives one row per element; its fields are `alias.field`. */
  unnest(array: string, alias: string): string
  /** The middle value; where there are two, their mean. */
  median(value: string): string
  /** Whole months from a to b by the calendar in UTC. */
  monthsBetween(a: string, b: string): string
}

const quarterSeconds = 900

export const duckdb: Dialect = {
  name: 'duckdb',
  text: (value) => `'${value.replaceAll("'", "''")}'`,
  timestamp: (ms) => `TIMESTAMP '${isoTime(ms)}'`,
  msBetween: (a, b) => `(epoch_ms(${b}) - epoch_ms(${a}))`,
  plusMs: (time, ms) => `(${time} + INTERVAL (${ms}) MILLISECOND)`,
  floor: (time, unit) =>
    unit === 'minute'
      ? `date_trunc('minute', ${time})`
      : `time_bucket(INTERVAL 15 MINUTE, ${time})`,
  holds: (array, value) => `list_contains(${array}, '${value}')`,
  unnest: (array, alias) => `CROSS JOIN LATERAL (SELECT unnest(${array}) AS ${alias})`,
  median: (value) => `median(${value})`,
  monthsBetween: (a, b) => `date_diff('month', ${a}, ${b})`,
}

export const bigquery: Dialect = {
  name: 'bigquery',
  text: (value) => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`,
  timestamp: (ms) => `TIMESTAMP '${isoTime(ms)}'`,
  msBetween: (a, b) => `TIMESTAMP_DIFF(${b}, ${a}, MILLISECOND)`,
  plusMs: (time, ms) => `TIMESTAMP_ADD(${time}, INTERVAL ${ms} MILLISECOND)`,
  floor: (time, unit) =>
    unit === 'minute'
      ? `TIMESTAMP_TRUNC(${time}, MINUTE)`
      : `TIMESTAMP_SECONDS(DIV(UNIX_SECONDS(${time}), ${quarterSeconds}) * ${quarterSeconds})`,
  holds: (array, value) => `'${value}' IN UNNEST(${array})`,
  unnest: (array, alias) => `CROSS JOIN UNNEST(${array}) AS ${alias}`,
  median: (value) => `(SELECT AVG(v) FROM UNNEST(${medianPair(value)}) AS v)`,
  monthsBetween: (a, b) => `DATE_DIFF(DATE(${b}), DATE(${a}), MONTH)`,
}

/** The middle one or two of the sorted values. */
function medianPair(value: string): string {
  const sorted = `ARRAY_AGG(${value} IGNORE NULLS ORDER BY ${value})`
  const size = `COUNT(${value})`
  return `[${sorted}[SAFE_OFFSET(DIV(${size} - 1, 2))], ${sorted}[SAFE_OFFSET(DIV(${size}, 2))]]`
}
