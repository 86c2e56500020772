// Functions whose meaning does not hang on how an argument is written: a line per signature, GoogleSQL on the left,
// DuckDB on the right. `T` is any one type, `[T]` an array of it, `...` repeats the last, `$*` is all arguments.
//
// In an aggregate `<f($1)>` is the call that DISTINCT, ORDER BY, FILTER and OVER belong to.

const scalarLines = String.raw`
ABS(INT64) INT64 = abs($1)
ABS(NUMERIC) NUMERIC = abs($1)
ABS(BIGNUMERIC) BIGNUMERIC = abs($1)
ABS(FLOAT64) FLOAT64 = abs($1)
SIGN(INT64) INT64 = CAST(sign($1) AS BIGINT)
SIGN(NUMERIC) NUMERIC = CAST(sign($1) AS DECIMAL(38,9))
SIGN(FLOAT64) FLOAT64 = bq_sign($1)
CEIL(INT64) FLOAT64 = CAST($1 AS DOUBLE)
CEIL(NUMERIC) NUMERIC = CAST(ceil($1) AS DECIMAL(38,9))
CEIL(FLOAT64) FLOAT64 = ceil($1)
FLOOR(INT64) FLOAT64 = CAST($1 AS DOUBLE)
FLOOR(NUMERIC) NUMERIC = CAST(floor($1) AS DECIMAL(38,9))
FLOOR(FLOAT64) FLOAT64 = floor($1)
ROUND(FLOAT64) FLOAT64 = round($1)
ROUND(INT64) FLOAT64 = CAST($1 AS DOUBLE)
ROUND(NUMERIC) NUMERIC = CAST(round($1) AS DECIMAL(38,9))
ROUND(BIGNUMERIC) BIGNUMERIC = CAST(round($1) AS DECIMAL(38,18))
ROUND(FLOAT64, INT64) FLOAT64 = round($1, CAST($2 AS INTEGER))
TRUNC(FLOAT64) FLOAT64 = trunc($1)
TRUNC(INT64) FLOAT64 = CAST($1 AS DOUBLE)
TRUNC(NUMERIC) NUMERIC = CAST(trunc($1) AS DECIMAL(38,9))
SQRT(FLOAT64) FLOAT64 = bq_sqrt($1)
CBRT(FLOAT64) FLOAT64 = cbrt($1)
EXP(FLOAT64) FLOAT64 = bq_finite(exp($1), 'EXP')
LN(FLOAT64) FLOAT64 = bq_ln($1)
LOG(FLOAT64) FLOAT64 = bq_ln($1)
LOG(FLOAT64, FLOAT64) FLOAT64 = bq_log($1, $2)
LOG10(FLOAT64) FLOAT64 = bq_log10($1)
POW(INT64, INT64) FLOAT64 = pow(CAST($1 AS DOUBLE), CAST($2 AS DOUBLE))
POW(FLOAT64, FLOAT64) FLOAT64 = pow($1, $2)
POW(NUMERIC, NUMERIC) NUMERIC = CAST(pow(CAST($1 AS DOUBLE), CAST($2 AS DOUBLE)) AS DECIMAL(38,9))
SIN(FLOAT64) FLOAT64 = sin($1)
COS(FLOAT64) FLOAT64 = cos($1)
TAN(FLOAT64) FLOAT64 = tan($1)
COT(FLOAT64) FLOAT64 = bq_div(1.0, tan($1))
SEC(FLOAT64) FLOAT64 = 1.0 / cos($1)
CSC(FLOAT64) FLOAT64 = bq_div(1.0, sin($1))
ASIN(FLOAT64) FLOAT64 = asin($1)
ACOS(FLOAT64) FLOAT64 = acos($1)
ATAN(FLOAT64) FLOAT64 = atan($1)
ATAN2(FLOAT64, FLOAT64) FLOAT64 = atan2($1, $2)
SINH(FLOAT64) FLOAT64 = sinh($1)
COSH(FLOAT64) FLOAT64 = cosh($1)
TANH(FLOAT64) FLOAT64 = tanh($1)
COTH(FLOAT64) FLOAT64 = bq_div(1.0, tanh($1))
SECH(FLOAT64) FLOAT64 = 1.0 / cosh($1)
CSCH(FLOAT64) FLOAT64 = bq_div(1.0, sinh($1))
ASINH(FLOAT64) FLOAT64 = asinh($1)
ACOSH(FLOAT64) FLOAT64 = acosh($1)
ATANH(FLOAT64) FLOAT64 = atanh($1)
MOD(INT64, INT64) INT64 = bq_mod($1, $2)
MOD(NUMERIC, NUMERIC) NUMERIC = CAST(bq_mod($1, $2) AS DECIMAL(38,9))
DIV(INT64, INT64) INT64 = bq_int_div($1, $2)
IEEE_DIVIDE(FLOAT64, FLOAT64) FLOAT64 = CASE WHEN $2 = 0 THEN CASE WHEN $1 = 0 OR isnan($1) THEN 'nan'::DOUBLE WHEN ($1 > 0) = (CAST($2 AS VARCHAR) NOT LIKE '-%') THEN 'inf'::DOUBLE ELSE '-inf'::DOUBLE END ELSE $1 / $2 END
SAFE_DIVIDE(INT64, INT64) FLOAT64 = CASE WHEN $2 = 0 THEN NULL ELSE CAST($1 AS DOUBLE) / CAST($2 AS DOUBLE) END
SAFE_DIVIDE(FLOAT64, FLOAT64) FLOAT64 = CASE WHEN $2 = 0 THEN NULL ELSE $1 / $2 END
SAFE_DIVIDE(NUMERIC, NUMERIC) NUMERIC = CASE WHEN $2 = 0 THEN NULL ELSE bq_numeric_div($1, $2) END
SAFE_ADD(INT64, INT64) INT64 = TRY($1 + $2)
SAFE_ADD(FLOAT64, FLOAT64) FLOAT64 = $1 + $2
SAFE_SUBTRACT(INT64, INT64) INT64 = TRY($1 - $2)
SAFE_SUBTRACT(FLOAT64, FLOAT64) FLOAT64 = $1 - $2
SAFE_MULTIPLY(INT64, INT64) INT64 = TRY($1 * $2)
SAFE_MULTIPLY(FLOAT64, FLOAT64) FLOAT64 = $1 * $2
SAFE_NEGATE(INT64) INT64 = TRY(-($1))
SAFE_NEGATE(FLOAT64) FLOAT64 = -($1)
IS_INF(FLOAT64) BOOL = isinf($1)
IS_NAN(FLOAT64) BOOL = isnan($1)
BIT_COUNT(INT64) INT64 = CAST(bit_count($1) AS BIGINT)
RAND() FLOAT64 = random()
RANGE_BUCKET(T, [T]) INT64 = CASE WHEN $1 IS NULL OR $2 IS NULL THEN NULL ELSE CAST(len(list_filter($2, lambda bound: bound <= $1)) AS BIGINT) END
LENGTH(STRING) INT64 = length($1)
LENGTH(BYTES) INT64 = octet_length($1)
CHAR_LENGTH(STRING) INT64 = length($1)
CHARACTER_LENGTH(STRING) INT64 = length($1)
BYTE_LENGTH(STRING) INT64 = strlen($1)
BYTE_LENGTH(BYTES) INT64 = octet_length($1)
OCTET_LENGTH(STRING) INT64 = strlen($1)
OCTET_LENGTH(BYTES) INT64 = octet_length($1)
UPPER(STRING) STRING = upper($1)
LOWER(STRING) STRING = lower($1)
CONCAT(STRING...) STRING = ($| || |)
CONCAT(BYTES...) BYTES = ($| || |)
SUBSTR(STRING, INT64) STRING = bq_substr($1, $2)
SUBSTR(STRING, INT64, INT64) STRING = bq_substr_n($1, $2, $3)
SUBSTRING(STRING, INT64) STRING = bq_substr($1, $2)
SUBSTRING(STRING, INT64, INT64) STRING = bq_substr_n($1, $2, $3)
LEFT(STRING, INT64) STRING = substr($1, 1, $2)
RIGHT(STRING, INT64) STRING = CASE WHEN $2 = 0 THEN '' ELSE substr($1, greatest(length($1) - $2 + 1, 1)) END
TRIM(STRING) STRING = regexp_replace($1, '^\s+|\s+$', '', 'g')
LTRIM(STRING) STRING = regexp_replace($1, '^\s+', '')
RTRIM(STRING) STRING = regexp_replace($1, '\s+$', '')
TRIM(STRING, STRING) STRING = trim($1, $2)
LTRIM(STRING, STRING) STRING = ltrim($1, $2)
RTRIM(STRING, STRING) STRING = rtrim($1, $2)
REPLACE(STRING, STRING, STRING) STRING = CASE WHEN $2 = '' THEN $1 ELSE replace($1, $2, $3) END
REPEAT(STRING, INT64) STRING = repeat($1, $2)
REVERSE(STRING) STRING = bq_reverse($1)
LPAD(STRING, INT64) STRING = bq_lpad($1, $2, ' ')
LPAD(STRING, INT64, STRING) STRING = bq_lpad($1, $2, $3)
RPAD(STRING, INT64) STRING = bq_rpad($1, $2, ' ')
RPAD(STRING, INT64, STRING) STRING = bq_rpad($1, $2, $3)
STARTS_WITH(STRING, STRING) BOOL = starts_with($1, $2)
ENDS_WITH(STRING, STRING) BOOL = ends_with($1, $2)
STRPOS(STRING, STRING) INT64 = strpos($1, $2)
ASCII(STRING) INT64 = CASE WHEN $1 = '' THEN 0 WHEN ord($1) < 128 THEN CAST(ord($1) AS BIGINT) ELSE bq_error('ASCII requires an ASCII first character') END
UNICODE(STRING) INT64 = CASE WHEN $1 = '' THEN 0 ELSE CAST(ord($1) AS BIGINT) END
CHR(INT64) STRING = CASE WHEN $1 = 0 THEN '' ELSE chr(CAST($1 AS INTEGER)) END
INITCAP(STRING) STRING = array_to_string(list_transform(regexp_extract_all($1, '([A-Za-z0-9\x{80}-\x{10FFFF}]+|[^A-Za-z0-9\x{80}-\x{10FFFF}]+)'), lambda w: bq_titled(w)), '')
TRANSLATE(STRING, STRING, STRING) STRING = translate($1, $2, $3)
SPLIT(STRING) [STRING] = string_split($1, ',')
SPLIT(STRING, STRING) [STRING] = CASE WHEN $2 = '' THEN list_transform(range(1, length($1) + 1), lambda i: substr($1, i, 1)) ELSE string_split($1, $2) END
CONTAINS_SUBSTR(STRING, STRING) BOOL = contains(lower(nfc_normalize($1)), lower(nfc_normalize($2)))
TO_HEX(BYTES) STRING = lower(hex($1))
FROM_HEX(STRING) BYTES = from_hex($1)
TO_BASE64(BYTES) STRING = base64($1)
FROM_BASE64(STRING) BYTES = from_base64($1)
MD5(STRING) BYTES = from_hex(md5($1))
MD5(BYTES) BYTES = from_hex(md5($1))
SHA1(STRING) BYTES = from_hex(sha1($1))
SHA1(BYTES) BYTES = from_hex(sha1($1))
SHA256(STRING) BYTES = from_hex(sha256($1))
SHA256(BYTES) BYTES = from_hex(sha256($1))
TO_CODE_POINTS(STRING) [INT64] = list_transform(range(1, length($1) + 1), lambda i: CAST(ord(substr($1, i, 1)) AS BIGINT))
CODE_POINTS_TO_STRING([INT64]) STRING = CASE WHEN len($1) > list_count($1) THEN NULL ELSE array_to_string(list_transform($1, lambda x: chr(CAST(x AS INTEGER))), '') END
SAFE_CONVERT_BYTES_TO_STRING(BYTES) STRING = TRY(decode($1))
ARRAY_LENGTH([T]) INT64 = len($1)
ARRAY_REVERSE([T]) [T] = list_reverse($1)
ARRAY_CONCAT([T]...) [T] = CASE WHEN $| IS NULL OR | IS NULL THEN NULL ELSE flatten([$*]) END
ARRAY_TO_STRING([STRING], STRING) STRING = CASE WHEN $1 IS NULL OR $2 IS NULL THEN NULL WHEN list_count($1) = 0 THEN '' ELSE array_to_string(list_filter($1, lambda x: x IS NOT NULL), $2) END
ARRAY_TO_STRING([STRING], STRING, STRING) STRING = CASE WHEN $1 IS NULL OR $2 IS NULL THEN NULL WHEN len($1) = 0 THEN '' ELSE array_to_string(list_transform($1, lambda x: coalesce(x, $3)), $2) END
ARRAY_FIRST([T]) T = CASE WHEN len($1) = 0 THEN bq_error('ARRAY_FIRST cannot get the first element of an empty array') ELSE $1[1] END
ARRAY_LAST([T]) T = CASE WHEN len($1) = 0 THEN bq_error('ARRAY_LAST cannot get the last element of an empty array') ELSE $1[-1] END
GENERATE_ARRAY(INT64, INT64) [INT64] = generate_series($1, $2)
GENERATE_ARRAY(INT64, INT64, INT64) [INT64] = CASE WHEN $3 = 0 THEN bq_error('Sequence step cannot be 0.') ELSE generate_series($1, $2, $3) END
GENERATE_UUID() STRING = CAST(uuid() AS VARCHAR)
COALESCE(T...) T = coalesce($*)
IFNULL(T, T) T = coalesce($1, $2)
NULLIF(T, T) T = nullif($1, $2)
IF(BOOL, T, T) T = CASE WHEN $1 THEN $2 ELSE $3 END
GREATEST(T...) T = CASE WHEN $| IS NULL OR | IS NULL THEN NULL ELSE greatest($*) END
LEAST(T...) T = CASE WHEN $| IS NULL OR | IS NULL THEN NULL ELSE least($*) END
ERROR(STRING) INT64 = bq_error($1)
DATE(INT64, INT64, INT64) DATE = make_date($1, $2, $3)
DATE(DATE) DATE = $1
DATE(DATETIME) DATE = CAST($1 AS DATE)
DATETIME(INT64, INT64, INT64, INT64, INT64, INT64) DATETIME = make_timestamp($1, $2, $3, $4, $5, CAST($6 AS DOUBLE))
DATETIME(DATE, TIME) DATETIME = ($1 + $2)
DATETIME(DATE) DATETIME = CAST($1 AS TIMESTAMP)
DATETIME(DATETIME) DATETIME = $1
TIME(INT64, INT64, INT64) TIME = make_time($1, $2, CAST($3 AS DOUBLE))
TIME(DATETIME) TIME = CAST($1 AS TIME)
TIMESTAMP(TIMESTAMP) TIMESTAMP = $1
TIMESTAMP_SECONDS(INT64) TIMESTAMP = make_timestamptz($1 * 1000000)
TIMESTAMP_MILLIS(INT64) TIMESTAMP = make_timestamptz($1 * 1000)
TIMESTAMP_MICROS(INT64) TIMESTAMP = make_timestamptz($1)
UNIX_SECONDS(TIMESTAMP) INT64 = CAST(floor(epoch_us($1) / 1000000) AS BIGINT)
UNIX_MILLIS(TIMESTAMP) INT64 = epoch_ms($1)
UNIX_MICROS(TIMESTAMP) INT64 = epoch_us($1)
UNIX_DATE(DATE) INT64 = bq_days($1)
DATE_FROM_UNIX_DATE(INT64) DATE = CAST(DATE '1970-01-01' + CAST($1 AS INTEGER) AS DATE)
CURRENT_TIMESTAMP() TIMESTAMP = $now
CURRENT_DATE() DATE = CAST(($now AT TIME ZONE 'UTC') AS DATE)
CURRENT_DATETIME() DATETIME = ($now AT TIME ZONE 'UTC')
CURRENT_TIME() TIME = CAST(($now AT TIME ZONE 'UTC') AS TIME)
TO_JSON_STRING(JSON) STRING = CAST($1 AS VARCHAR)
PARSE_JSON(STRING) JSON = CASE WHEN $1 IS NULL OR json_valid($1) THEN CAST($1 AS JSON) ELSE bq_error('syntax error while parsing value') END
JSON_TYPE(JSON) STRING = CASE json_type($1) WHEN 'VARCHAR' THEN 'string' WHEN 'BIGINT' THEN 'number' WHEN 'UBIGINT' THEN 'number' WHEN 'HUGEINT' THEN 'number' WHEN 'DOUBLE' THEN 'number' ELSE lower(json_type($1)) END
BOOL(JSON) BOOL = CASE WHEN $1 IS NULL THEN NULL WHEN json_type($1) = 'BOOLEAN' THEN CAST(json_extract_string($1, '$') AS BOOLEAN) ELSE bq_error('The provided JSON input is not a boolean') END
STRING(JSON) STRING = CASE WHEN $1 IS NULL THEN NULL WHEN json_type($1) = 'VARCHAR' THEN json_extract_string($1, '$') ELSE bq_error('The provided JSON input is not a string') END
INT64(JSON) INT64 = CASE WHEN $1 IS NULL THEN NULL WHEN json_type($1) IN ('BIGINT', 'UBIGINT') THEN CAST(json_extract_string($1, '$') AS BIGINT) ELSE bq_error('The provided JSON input is not an integer') END
FLOAT64(JSON) FLOAT64 = CASE WHEN $1 IS NULL THEN NULL WHEN json_type($1) IN ('BIGINT', 'UBIGINT', 'DOUBLE') THEN CAST(json_extract_string($1, '$') AS DOUBLE) ELSE bq_error('The provided JSON input is not a number') END
LAX_INT64(JSON) INT64 = CASE json_type($1) WHEN 'BOOLEAN' THEN CASE json_extract_string($1, '$') WHEN 'true' THEN 1 ELSE 0 END WHEN 'OBJECT' THEN NULL WHEN 'ARRAY' THEN NULL WHEN 'NULL' THEN NULL ELSE TRY(CAST(round(CAST(json_extract_string($1, '$') AS DOUBLE)) AS BIGINT)) END
LAX_FLOAT64(JSON) FLOAT64 = CASE WHEN json_type($1) IN ('BIGINT', 'UBIGINT', 'DOUBLE', 'VARCHAR') THEN TRY(CAST(json_extract_string($1, '$') AS DOUBLE)) END
LAX_STRING(JSON) STRING = CASE WHEN json_type($1) IN ('BIGINT', 'UBIGINT', 'DOUBLE', 'VARCHAR', 'BOOLEAN') THEN json_extract_string($1, '$') END
STRING(TIMESTAMP) STRING = (bq_datetime_text($1 AT TIME ZONE 'UTC') || '+00')
STRING(DATE) STRING = CAST($1 AS VARCHAR)
STRING(DATETIME) STRING = bq_datetime_text($1)
STRING(TIME) STRING = bq_time_text($1)
PARSE_NUMERIC(STRING) NUMERIC = bq_to_numeric($1)
PARSE_BIGNUMERIC(STRING) BIGNUMERIC = bq_to_bignumeric($1)
`

const aggregateLines = String.raw`
COUNT(T) INT64 = <count($1)>
SUM(INT64) INT64 = CAST(<sum($1)> AS BIGINT)
SUM(NUMERIC) NUMERIC = <sum($1)>
SUM(BIGNUMERIC) BIGNUMERIC = <sum($1)>
SUM(FLOAT64) FLOAT64 = <sum($1)>
AVG(INT64) FLOAT64 = <avg($1)>
AVG(FLOAT64) FLOAT64 = <avg($1)>
AVG(NUMERIC) NUMERIC = bq_average(<sum($1)>, <count($1)>)
MIN(T) T = <min($1)>
MAX(T) T = <max($1)>
ANY_VALUE(T) T = <any_value($1)>
ARRAY_AGG(T) [T] = <list($1)>
LOGICAL_AND(BOOL) BOOL = <bool_and($1)>
LOGICAL_OR(BOOL) BOOL = <bool_or($1)>
BIT_AND(INT64) INT64 = <bit_and($1)>
BIT_OR(INT64) INT64 = <bit_or($1)>
BIT_XOR(INT64) INT64 = <bit_xor($1)>
STRING_AGG(STRING) STRING = <string_agg($1, ',')>
STRING_AGG(STRING, STRING) STRING = <string_agg($1, $2)>
STDDEV(FLOAT64) FLOAT64 = <stddev_samp($1)>
STDDEV_SAMP(FLOAT64) FLOAT64 = <stddev_samp($1)>
STDDEV_POP(FLOAT64) FLOAT64 = <stddev_pop($1)>
VARIANCE(FLOAT64) FLOAT64 = <var_samp($1)>
VAR_SAMP(FLOAT64) FLOAT64 = <var_samp($1)>
VAR_POP(FLOAT64) FLOAT64 = <var_pop($1)>
CORR(FLOAT64, FLOAT64) FLOAT64 = <corr($1, $2)>
COVAR_POP(FLOAT64, FLOAT64) FLOAT64 = <covar_pop($1, $2)>
COVAR_SAMP(FLOAT64, FLOAT64) FLOAT64 = <covar_samp($1, $2)>
APPROX_COUNT_DISTINCT(T) INT64 = <count(DISTINCT $1)>
MAX_BY(T, U) T = <arg_max($1, $2)>
MIN_BY(T, U) T = <arg_min($1, $2)>
GROUPING(T) INT64 = grouping($1)
`

const windowLines = String.raw`
ROW_NUMBER() INT64 = <row_number()>
RANK() INT64 = <rank()>
DENSE_RANK() INT64 = <dense_rank()>
PERCENT_RANK() FLOAT64 = <percent_rank()>
CUME_DIST() FLOAT64 = <cume_dist()>
NTILE(INT64) INT64 = <ntile($1)>
LAG(T) T = <lag($1)>
LAG(T, INT64) T = <lag($1, $2)>
LAG(T, INT64, T) T = <lag($1, $2, $3)>
LEAD(T) T = <lead($1)>
LEAD(T, INT64) T = <lead($1, $2)>
LEAD(T, INT64, T) T = <lead($1, $2, $3)>
FIRST_VALUE(T) T = <first_value($1)>
LAST_VALUE(T) T = <last_value($1)>
NTH_VALUE(T, INT64) T = <nth_value($1, $2)>
PERCENTILE_CONT(FLOAT64, FLOAT64) FLOAT64 = <quantile_cont($1, $2)>
PERCENTILE_DISC(T, FLOAT64) T = <quantile_disc($1, $2)>
`

export interface Signature {
  name: string
  /** INT64, T, [T]. */
  parameters: string[]
  isVariadic: boolean
  result: string
  template: string
}

function read(lines: string): Map<string, Signature[]> {
  const table = new Map<string, Signature[]>()
  for (const line of lines.trim().split('\n')) {
    const [, name, parameters, result, template] = /^(\w+)\(([^)]*)\) (\S+) = (.*)$/.exec(
      line,
    ) as unknown as string[]
    const isVariadic = parameters?.endsWith('...') ?? false
    const list = (parameters ?? '')
      .replace('...', '')
      .split(', ')
      .filter((each) => each !== '')
    const signature = { name, parameters: list, isVariadic, result, template } as Signature
    table.set(name as string, [...(table.get(name as string) ?? []), signature])
  }
  return table
}

export const scalarFunctions = read(scalarLines)
export const aggregateFunctions = read(aggregateLines)
export const windowFunctions = read(windowLines)
for (const [other, name] of [
  ['CEILING', 'CEIL'],
  ['POWER', 'POW'],
] as const) {
  scalarFunctions.set(other, scalarFunctions.get(name) as Signature[])
}
