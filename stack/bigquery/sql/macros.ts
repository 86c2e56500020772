// What GoogleSQL does and no function of DuckDB's does: macros, made at each start.

const definitions: Record<string, string> = {
  // Fails when it is evaluated, with the message behind the mark. DuckDB's error() is volatile, and TRY takes no such call.
  'bq_error(m)': `list_extract([], CAST('bq!' || m AS BIGINT))`,
  // A division by zero is an error, not NULL.
  'bq_div(a, b)': `CASE WHEN b = 0 THEN bq_error('division by zero: ' || a || ' / ' || b) ELSE CAST(a AS DOUBLE) / CAST(b AS DOUBLE) END`,
  'bq_int_div(a, b)': `CASE WHEN b = 0 THEN bq_error('division by zero: ' || a || ' / ' || b) ELSE a // b END`,
  'bq_mod(a, b)': `CASE WHEN b = 0 THEN bq_error('division by zero: MOD(' || a || ', ' || b || ')') ELSE a % b END`,
  // Exact to the ninth digit, rounded half away from zero, for values below 10^20.
  'bq_scaled(a)': `CAST(a * 1000000000::DECIMAL(10,0) AS HUGEINT)`,
  'bq_unscaled(q)': `CAST(CAST(q AS DECIMAL(38,0)) * 0.000000001::DECIMAL(10,9) AS DECIMAL(38,9))`,
  'bq_round_div(n, d)': `((2 * abs(n) + abs(d)) // (2 * abs(d))) * sign(n) * sign(d)`,
  'bq_numeric_div(a, b)': `CASE WHEN b = 0 THEN bq_error('division by zero: ' || a || ' / ' || b) ELSE bq_unscaled(bq_round_div(bq_scaled(a) * 1000000000, bq_scaled(b))) END`,
  'bq_average(a, n)': `CASE WHEN n > 0 THEN bq_unscaled(bq_round_div(bq_scaled(a), CAST(n AS HUGEINT))) END`,
  'bq_numeric_mul(a, b)': `CAST(a * b AS DECIMAL(38,9))`,
  'bq_float_text(x)': `CASE WHEN abs(x) >= 1e15 AND abs(x) < 1e17 THEN bq_error('the text of a FLOAT64 of this size is not supported by the embedded BigQuery') ELSE regexp_replace(CAST(x AS VARCHAR), '\\.0$', '') END`,
  'bq_decimal_text(x)': `regexp_replace(regexp_replace(CAST(x AS VARCHAR), '(\\.\\d*?)0+$', '\\1'), '\\.$', '')`,
  'bq_fraction(micros)': `CASE WHEN micros = 0 THEN '' WHEN micros % 1000 = 0 THEN '.' || lpad(CAST(micros // 1000 AS VARCHAR), 3, '0') ELSE '.' || lpad(CAST(micros AS VARCHAR), 6, '0') END`,
  'bq_datetime_text(x)': `strftime(x, '%Y-%m-%d %H:%M:%S') || bq_fraction(extract('microsecond' FROM x) % 1000000)`,
  'bq_time_text(x)': `lpad(CAST(extract('hour' FROM x) AS VARCHAR), 2, '0') || ':' || lpad(CAST(extract('minute' FROM x) AS VARCHAR), 2, '0') || ':' || lpad(CAST(extract('second' FROM x) AS VARCHAR), 2, '0') || bq_fraction(extract('microsecond' FROM x) % 1000000)`,
  'bq_to_int(x)': `CASE WHEN x IS NULL THEN NULL WHEN regexp_full_match(x, '\\s*[+-]?\\d+\\s*') THEN CAST(trim(x) AS BIGINT) WHEN regexp_full_match(x, '\\s*[+-]?0[xX][0-9a-fA-F]+\\s*') THEN CAST(lower(trim(x)) AS BIGINT) ELSE bq_error('Bad int64 value: ' || x) END`,
  'bq_to_float(x)': `CASE WHEN x IS NULL THEN NULL WHEN regexp_full_match(trim(x), '[+-]?((\\d+\\.?\\d*|\\.\\d+)([eE][+-]?\\d+)?|[iI][nN][fF]([iI][nN][iI][tT][yY])?|[nN][aA][nN])') THEN CAST(trim(x) AS DOUBLE) ELSE bq_error('Bad double value: ' || x) END`,
  'bq_to_numeric(x)': `CASE WHEN x IS NULL THEN NULL WHEN regexp_full_match(trim(x), '[+-]?(\\d+\\.?\\d*|\\.\\d+)([eE][+-]?\\d+)?') THEN CAST(trim(x) AS DECIMAL(38,9)) ELSE bq_error('Invalid NUMERIC value: ' || x) END`,
  'bq_to_bignumeric(x)': `CASE WHEN x IS NULL THEN NULL WHEN regexp_full_match(trim(x), '[+-]?\\d+(\\.\\d{0,18})?') THEN CAST(trim(x) AS DECIMAL(38,18)) ELSE bq_error('Invalid BIGNUMERIC value, or one the embedded BigQuery cannot hold: ' || x) END`,
  'bq_to_bool(x)': `CASE WHEN x IS NULL THEN NULL WHEN lower(x) = 'true' THEN true WHEN lower(x) = 'false' THEN false ELSE bq_error('Bad bool value: ' || x) END`,
  'bq_to_date(x)': `CASE WHEN x IS NULL THEN NULL WHEN regexp_full_match(x, '\\d{4}-\\d{1,2}-\\d{1,2}') THEN CAST(x AS DATE) WHEN regexp_full_match(x, '\\d{4}-\\d{1,2}-\\d{1,2}[Tt ]\\d{1,2}:\\d{1,2}:\\d{1,2}(\\.\\d{1,6})?') THEN CAST(CAST(x AS TIMESTAMP) AS DATE) ELSE bq_error('Invalid date: ''' || x || '''') END`,
  'bq_to_datetime(x)': `CASE WHEN x IS NULL THEN NULL WHEN regexp_full_match(x, '\\d{4}-\\d{1,2}-\\d{1,2}([Tt ]\\d{1,2}:\\d{1,2}(:\\d{1,2}(\\.\\d{1,6})?)?)?') THEN CAST(x AS TIMESTAMP) ELSE bq_error('Invalid datetime string "' || x || '"') END`,
  'bq_to_time(x)': `CASE WHEN x IS NULL THEN NULL WHEN regexp_full_match(x, '\\d{1,2}:\\d{1,2}:\\d{1,2}(\\.\\d{1,6})?') THEN CAST(x AS TIME) ELSE bq_error('Invalid time string "' || x || '"') END`,
  'bq_to_timestamp(x)': `CASE WHEN x IS NULL THEN NULL WHEN regexp_full_match(x, '\\d{4}-\\d{1,2}-\\d{1,2}([Tt ]\\d{1,2}:\\d{1,2}(:\\d{1,2}(\\.\\d{1,6})?)?)?([Zz]| ?UTC| ?[+-]\\d{2}(:?\\d{2})?)?') THEN CAST(replace(x, ' UTC', '+00') AS TIMESTAMPTZ) ELSE bq_error('Invalid timestamp: ''' || x || '''') END`,
  'bq_limit(x, n)': `CASE WHEN length(x) > n THEN bq_error('Out of bounds string length') ELSE x END`,
  'bq_at(a, i)': `CASE WHEN a IS NULL OR i IS NULL THEN NULL WHEN i < 0 THEN bq_error('Array index ' || i || ' is out of bounds') WHEN i >= len(a) THEN bq_error('Array index ' || i || ' is out of bounds') ELSE a[i + 1] END`,
  'bq_safe_at(a, i)': `CASE WHEN i < 0 THEN NULL ELSE a[i + 1] END`,
  'bq_in(x, a)': `CASE WHEN a IS NULL OR len(a) = 0 THEN false WHEN x IS NULL THEN NULL WHEN list_contains(a, x) THEN true WHEN len(a) > list_count(a) THEN NULL ELSE false END`,
  'bq_substr(s, p)': `CASE WHEN p > 0 THEN substr(s, p) WHEN p = 0 THEN s ELSE substr(s, greatest(length(s) + p + 1, 1)) END`,
  'bq_substr_n(s, p, n)': `CASE WHEN n < 0 THEN bq_error('Third argument in SUBSTR() cannot be negative') WHEN p > 0 THEN substr(s, p, n) WHEN p = 0 THEN substr(s, 1, n) ELSE substr(s, greatest(length(s) + p + 1, 1), n) END`,
  'bq_reverse(s)': `array_to_string(list_transform(range(length(s), 0, -1), lambda i: substr(s, i, 1)), '')`,
  'bq_pad_text(n, p)': `CASE WHEN p = '' THEN bq_error('padding must not be empty') ELSE substr(repeat(p, n), 1, n) END`,
  'bq_lpad(s, n, p)': `CASE WHEN n < 0 THEN bq_error('return length must not be negative') WHEN length(s) >= n THEN substr(s, 1, n) ELSE bq_pad_text(n - length(s), p) || s END`,
  'bq_rpad(s, n, p)': `CASE WHEN n < 0 THEN bq_error('return length must not be negative') WHEN length(s) >= n THEN substr(s, 1, n) ELSE s || bq_pad_text(n - length(s), p) END`,
  'bq_days(d)': `(CAST(d AS DATE) - DATE '1970-01-01')`,
  'bq_week(d, k)': `CAST(floor((bq_days(d) + (4 - k + 7) % 7) / 7) AS BIGINT)`,
  'bq_week_start(d, k)': `CAST(CAST(d AS DATE) - CAST((dayofweek(CAST(d AS DATE)) - k + 7) % 7 AS INTEGER) AS DATE)`,
  'bq_week_of_year(d, k)': `(dayofyear(d) + 6 - (dayofweek(d) - k + 7) % 7) // 7`,
  'bq_iso_year_start(y)': `CAST(date_trunc('week', make_date(CAST(y AS INTEGER), 1, 4)) AS DATE)`,
  'bq_scalar_json(j, p)': `CASE json_type(j, p) WHEN 'OBJECT' THEN NULL WHEN 'ARRAY' THEN NULL ELSE json_extract_string(j, p) END`,
  'bq_sign(x)': `CASE WHEN isnan(x) THEN x ELSE CAST(sign(x) AS DOUBLE) END`,
  'bq_ln(x)': `CASE WHEN x <= 0 THEN bq_error('Floating point error in function: LN(' || x || ')') ELSE ln(x) END`,
  'bq_log10(x)': `CASE WHEN x <= 0 THEN bq_error('Floating point error in function: LOG10(' || x || ')') ELSE log10(x) END`,
  'bq_log(x, b)': `CASE WHEN x <= 0 OR b <= 0 OR b = 1 THEN bq_error('Floating point error in function: LOG(' || x || ', ' || b || ')') ELSE ln(x) / ln(b) END`,
  'bq_sqrt(x)': `CASE WHEN x < 0 THEN bq_error('Floating point error in function: SQRT(' || x || ')') ELSE sqrt(x) END`,
  'bq_finite(x, f)': `CASE WHEN isinf(x) THEN bq_error('Floating point overflow in function: ' || f) ELSE x END`,
  'bq_titled(w)': `upper(substr(w, 1, 1)) || lower(substr(w, 2))`,
}

export interface Macro {
  parameters: readonly string[]
  body: string
}

/** By name. */
export const macros: ReadonlyMap<string, Macro> = new Map(
  Object.entries(definitions).map(([head, body]): [string, Macro] => {
    const [, name = '', parameters = ''] = /^(\w+)\((.*)\)$/.exec(head) ?? []
    return [name, { parameters: parameters.split(', '), body }]
  }),
)

export const macroStatements: readonly string[] = Object.entries(definitions).map(
  ([head, body]) => `CREATE OR REPLACE MACRO ${head} AS (${body})`,
)
