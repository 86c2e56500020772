// What an ad-hoc question may not say, found before a process is started for it. DuckDB's own locks are what protects;
// this gives a clear answer, and keeps what tells of this machine rather than of the shop from being asked.

const reading = /^\s*(select|with|from|values|explain|describe|summarize|table)\b/i

const refused =
  /\b(duckdb_(settings|databases|secrets|extensions|temporary_files|logs|memory|log_contexts)|pragma_\w+|current_setting|getenv|glob|read_\w+|parquet_\w+|sniff_csv|query|query_table)\s*\(/i

/** The sentence that says why not; undefined for what may be asked. */
export function refusalOf(sql: string): string | undefined {
  if (!reading.test(sql)) return 'only SELECT is answered'
  const call = refused.exec(sql)?.[1]
  return call === undefined ? undefined : `"${call}" is not allowed here`
}
