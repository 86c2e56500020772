// Small helpers for parameters and answers of DuckDB.

import { DuckDBListValue } from '@duckdb/node-api'
import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api'

export function textList(values: Iterable<string>): DuckDBListValue {
  return new DuckDBListValue([...values])
}

export function numberList(values: Iterable<number>): DuckDBListValue {
  return new DuckDBListValue([...values].map(BigInt))
}

/** What is read meanwhile belongs together, whatever is committed beside it. */
export async function asOfOneCommit<T>(
  connection: DuckDBConnection,
  read: () => Promise<T>,
): Promise<T> {
  await connection.run('BEGIN TRANSACTION READ ONLY')
  try {
    return await read()
  } finally {
    await connection.run('ROLLBACK')
  }
}

/** Rows of numbers; BIGINTs are safe to 2^53 here. */
export async function numbers(
  connection: DuckDBConnection,
  sql: string,
  parameters?: DuckDBValue[],
): Promise<number[][]> {
  const reader = await connection.runAndReadAll(sql, parameters)
  return reader.getRows().map((row) => row.map(Number))
}

/** Rows of texts, numbers and nulls; BIGINTs become numbers. */
export async function plainRows(
  connection: DuckDBConnection,
  sql: string,
  parameters?: DuckDBValue[],
): Promise<(string | number | boolean | null)[][]> {
  const reader = await connection.runAndReadAll(sql, parameters)
  return reader
    .getRows()
    .map((row) =>
      row.map((value) =>
        typeof value === 'bigint' ? Number(value) : (value as string | number | boolean | null),
      ),
    )
}
