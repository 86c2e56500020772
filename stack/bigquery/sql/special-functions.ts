// Functions that need to see how an argument is written: regular expressions, JSON paths, formats, texts of JSON.

import { castSql, coerced } from './casts.ts'
import type { Typed } from './scope.ts'
import { SqlError, unsupported } from './sql-error.ts'
import type { Call, Expr } from './syntax.ts'
import {
  arrayOf,
  bool,
  bytes,
  fieldName,
  int64,
  json,
  quoteText,
  string,
  typeText,
} from './types.ts'
import type { SqlType } from './types.ts'

type Translate = (expr: Expr) => Typed
type Special = (call: Call, translate: Translate) => Typed

export const specialFunctions: Record<string, Special> = {
  REGEXP_CONTAINS: regexp((s, r) => ({ sql: `regexp_matches(${s}, ${r})`, type: bool })),
  REGEXP_EXTRACT: regexp((s, r, group) => ({
    sql: `CASE WHEN regexp_matches(${s}, ${r}) THEN regexp_extract(${s}, ${r}, ${group}) END`,
    type: string,
  })),
  REGEXP_SUBSTR: regexp((s, r, group) => ({
    sql: `CASE WHEN regexp_matches(${s}, ${r}) THEN regexp_extract(${s}, ${r}, ${group}) END`,
    type: string,
  })),
  REGEXP_EXTRACT_ALL: regexp((s, r, group) => ({
    sql: `regexp_extract_all(${s}, ${r}, ${group})`,
    type: arrayOf(string),
  })),
  REGEXP_INSTR: regexp((s, r, group, text) => {
    if (group > 0) throw unsupported('REGEXP_INSTR with a group')
    const before = quoteText(`^((?s:.)*?)(?:${text})`)
    return {
      sql: `CASE WHEN ${s} IS NULL THEN NULL WHEN regexp_matches(${s}, ${r}) THEN length(regexp_extract(${s}, ${before}, 1)) + 1 ELSE 0 END`,
      type: int64,
    }
  }),
  REGEXP_REPLACE(call, translate) {
    const [s, r, by] = call.args as [Expr, Expr, Expr]
    const { pattern } = patternOf(r)
    return {
      sql: `regexp_replace(${text(translate(s), call)}, ${pattern}, ${text(translate(by), call)}, 'g')`,
      type: string,
    }
  },
  JSON_VALUE: jsonAt((j, path) => ({ sql: `bq_scalar_json(${j}, ${path})`, type: string })),
  JSON_EXTRACT_SCALAR: jsonAt((j, path) => ({
    sql: `bq_scalar_json(${j}, ${path})`,
    type: string,
  })),
  JSON_QUERY: jsonAt((j, path, isText) => jsonPiece(j, path, isText)),
  JSON_EXTRACT: jsonAt((j, path, isText) => jsonPiece(j, path, isText)),
  JSON_QUERY_ARRAY: jsonAt(jsonPieces),
  JSON_EXTRACT_ARRAY: jsonAt(jsonPieces),
  JSON_VALUE_ARRAY: jsonAt(jsonTexts),
  JSON_EXTRACT_STRING_ARRAY: jsonAt(jsonTexts),
  TO_JSON_STRING(call, translate) {
    if (call.args.length > 1) throw unsupported('TO_JSON_STRING with pretty_print', call.at)
    const value = translate(call.args[0] as Expr)
    return { sql: jsonText(value.sql, value.type, call.at), type: string }
  },
  TO_JSON(call, translate) {
    const value = translate(call.args[0] as Expr)
    return { sql: `CAST(${jsonText(value.sql, value.type, call.at)} AS JSON)`, type: json }
  },
  JSON_ARRAY(call, translate) {
    const items = call.args
      .map((arg) => translate(arg))
      .map(({ sql, type }) => jsonText(sql, type, call.at))
    return {
      sql: `CAST('[' || ${items.length === 0 ? "''" : items.join(` || ',' || `)} || ']' AS JSON)`,
      type: json,
    }
  },
  JSON_OBJECT(call, translate) {
    if (call.args.length % 2 !== 0) throw unsupported('JSON_OBJECT of arrays', call.at)
    const values = call.args.map((arg) => translate(arg))
    const pairs: string[] = []
    for (let i = 0; i < values.length; i += 2) {
      const [key, value] = [values[i] as Typed, values[i + 1] as Typed]
      if (key.type.name !== 'STRING') throw unsupported('JSON_OBJECT of arrays', call.at)
      pairs.push(
        `${jsonText(key.sql, string, call.at)} || ':' || ${jsonText(value.sql, value.type, call.at)}`,
      )
    }
    return {
      sql: `CAST('{' || ${pairs.length === 0 ? "''" : pairs.join(` || ',' || `)} || '}' AS JSON)`,
      type: json,
    }
  },
  FORMAT: formatText,
  NORMALIZE: (call, translate) => normalized(call, translate, (s) => s),
  FARM_FINGERPRINT: (call) => {
    throw unsupported('FARM_FINGERPRINT', call.at)
  },
  ROUND: (call, translate) => {
    const value = translate(call.args[0] as Expr)
    const digits = translate(call.args[1] as Expr)
    const to = coerced(digits, int64, call.at)
    if (value.type.name.endsWith('NUMERIC')) {
      const stored = value.type.name === 'NUMERIC' ? 'DECIMAL(38,9)' : 'DECIMAL(38,18)'
      const constant = digits.isLiteral === true ? /-?\d+/.exec(to)?.[0] : undefined
      if (constant === undefined)
        throw unsupported('ROUND of NUMERIC to digits that are no literal', call.at)
      return { sql: `CAST(round(${value.sql}, ${constant}) AS ${stored})`, type: value.type }
    }
    return {
      sql: `round(${coerced(value, { name: 'FLOAT64' }, call.at)}, CAST(${to} AS INTEGER))`,
      type: { name: 'FLOAT64' },
    }
  },
  SHA512: (call) => {
    throw unsupported('SHA512', call.at)
  },
  CODE_POINTS_TO_BYTES(call, translate) {
    const value = coerced(translate(call.args[0] as Expr), arrayOf(int64), call.at)
    const hex = `lpad(lower(to_hex(x)), 2, '0')`
    return {
      sql: `from_hex(array_to_string(list_transform(${value}, lambda x: CASE WHEN x BETWEEN 0 AND 255 THEN ${hex} ELSE bq_error('Invalid byte code point') END), ''))`,
      type: bytes,
    }
  },
}

const text = (value: Typed, call: Call): string => coerced(value, string, call.at)

function patternOf(expr: Expr): { pattern: string; groups: number; raw: string } {
  if (expr.k !== 'literal' || expr.type !== 'STRING')
    throw unsupported('a regular expression that is no literal', expr.at)
  const bare = expr.value.replace(/\\./g, '').replace(/\[[^\]]*\]/g, '')
  const groups = (bare.match(/\((?!\?)|\(\?P?</g) ?? []).length
  return { pattern: quoteText(expr.value), groups, raw: expr.value }
}

function regexp(make: (s: string, r: string, group: number, raw: string) => Typed): Special {
  return (call, translate) => {
    if (call.args.length !== 2) throw unsupported(`${call.name} with a position`, call.at)
    const [s, r] = call.args as [Expr, Expr]
    const value = translate(s)
    if (r.k === 'literal' && r.type === 'NULL')
      return { sql: 'CAST(NULL AS VARCHAR)', type: call.name === 'REGEXP_CONTAINS' ? bool : string }
    const { pattern, groups, raw } = patternOf(r)
    if (groups > 1 && call.name !== 'REGEXP_CONTAINS')
      throw new SqlError('Regular expression has more than 1 capturing group', r.at)
    return make(text(value, call), pattern, groups, raw)
  }
}

/** The path in DuckDB's way of writing it. */
function pathOf(expr: Expr | undefined, at: number): string {
  if (!expr) return `'$'`
  if (expr.k !== 'literal' || expr.type !== 'STRING')
    throw unsupported('a JSON path that is no literal', at)
  let rest = expr.value
  if (!rest.startsWith('$')) throw new SqlError('JSONPath must start with $', expr.at)
  rest = rest.slice(1)
  let path = '$'
  while (rest !== '') {
    const step = /^(?:\.([\p{L}\p{N}_-]+)|\."([^"]*)"|\['([^']*)'\]|\["([^"]*)"\]|\[(\d+)\])/u.exec(
      rest,
    )
    if (!step) throw new SqlError(`Invalid token in JSONPath at: ${rest}`, expr.at)
    const name = step[1] ?? step[2] ?? step[3] ?? step[4]
    path += name === undefined ? `[${step[5]}]` : `."${name}"`
    rest = rest.slice(step[0].length)
  }
  return quoteText(path)
}

function jsonAt(make: (j: string, path: string, isText: boolean) => Typed): Special {
  return (call, translate) => {
    const value = translate(call.args[0] as Expr)
    const path = pathOf(call.args[1], call.at)
    if (value.type.name === 'JSON') return make(value.sql, path, false)
    const sql = text(value, call)
    return make(`CASE WHEN json_valid(${sql}) THEN CAST(${sql} AS JSON) END`, path, true)
  }
}

function jsonPiece(j: string, path: string, isText: boolean): Typed {
  const piece = `json_extract(${j}, ${path})`
  if (!isText) return { sql: piece, type: json }
  return {
    sql: `CASE WHEN json_type(${piece}) = 'NULL' THEN NULL ELSE CAST(${piece} AS VARCHAR) END`,
    type: string,
  }
}

function jsonPieces(j: string, path: string, isText: boolean): Typed {
  const piece = `json_extract(${j}, ${path})`
  const list = `CASE WHEN json_type(${piece}) = 'ARRAY' THEN CAST(${piece} AS JSON[]) END`
  if (!isText) return { sql: list, type: arrayOf(json) }
  return { sql: `list_transform(${list}, lambda x: CAST(x AS VARCHAR))`, type: arrayOf(string) }
}

function jsonTexts(j: string, path: string): Typed {
  const piece = `json_extract(${j}, ${path})`
  const list = `CAST(${piece} AS JSON[])`
  const isScalar = `len(list_filter(${list}, lambda x: json_type(x) IN ('OBJECT', 'ARRAY'))) = 0`
  return {
    sql: `CASE WHEN json_type(${piece}) = 'ARRAY' AND ${isScalar} THEN list_transform(${list}, lambda x: json_extract_string(x, '$')) END`,
    type: arrayOf(string),
  }
}

let depth = 0

/** TO_JSON_STRING, by type. */
export function jsonText(sql: string, type: SqlType, at: number): string {
  const quotedText = (of: string): string => `CAST(to_json(${of}) AS VARCHAR)`
  const orNull = (of: string): string => `coalesce(${of}, 'null')`
  switch (type.name as string) {
    case 'NULL':
      return `'null'`
    case 'INT64':
      return orNull(
        `CASE WHEN abs(CAST(${sql} AS HUGEINT)) > 9007199254740992 THEN '"' || CAST(${sql} AS VARCHAR) || '"' ELSE CAST(${sql} AS VARCHAR) END`,
      )
    case 'FLOAT64':
      return orNull(
        `CASE WHEN isnan(${sql}) OR isinf(${sql}) THEN bq_error('not finite') ELSE bq_float_text(${sql}) END`,
      )
    case 'BOOL':
      return orNull(`CAST(${sql} AS VARCHAR)`)
    case 'STRING':
      return orNull(quotedText(sql))
    case 'NUMERIC':
      return orNull(`bq_decimal_text(${sql})`)
    case 'JSON':
      return orNull(`CAST(${sql} AS VARCHAR)`)
    case 'BYTES':
      return orNull(`'"' || base64(${sql}) || '"'`)
    case 'DATE':
      return orNull(`'"' || CAST(${sql} AS VARCHAR) || '"'`)
    case 'TIME':
      return orNull(`'"' || bq_time_text(${sql}) || '"'`)
    case 'DATETIME':
      return orNull(`'"' || replace(bq_datetime_text(${sql}), ' ', 'T') || '"'`)
    case 'TIMESTAMP':
      return orNull(`'"' || replace(bq_datetime_text(${sql} AT TIME ZONE 'UTC'), ' ', 'T') || 'Z"'`)
    case 'ARRAY': {
      const x = `x${depth++}`
      const each = jsonText(x, type.of as SqlType, at)
      depth--
      return `coalesce('[' || array_to_string(list_transform(${sql}, lambda ${x}: ${each}), ',') || ']', '[]')`
    }
    case 'STRUCT': {
      const parts = (type.fields ?? []).map(
        (f, i) =>
          `${quoteText(`${i === 0 ? '' : ','}${JSON.stringify(f.name)}:`)} || ${jsonText(`struct_extract(${sql}, ${quoteText(fieldName(f.name, i))})`, f.type, at)}`,
      )
      return `CASE WHEN ${sql} IS NULL THEN 'null' ELSE '{' || ${parts.length === 0 ? "''" : parts.join(' || ')} || '}' END`
    }
    default:
      throw unsupported(`JSON of ${typeText(type)}`, at)
  }
}

function formatText(call: Call, translate: Translate): Typed {
  const [first, ...rest] = call.args
  if (first?.k !== 'literal' || first.type !== 'STRING')
    throw unsupported('FORMAT with a format that is no literal', call.at)
  const values = rest.map((arg) => translate(arg))
  const pieces: string[] = []
  for (const piece of first.value.match(/%[-+ #0']*\d*(?:\.\d+)?[a-zA-Z%]|[^%]+|%/g) ?? []) {
    if (!piece.startsWith('%')) pieces.push(quoteText(piece))
    else if (piece === '%%') pieces.push(`'%'`)
    else {
      const value = values.shift()
      if (!value) throw new SqlError('Too few arguments to FORMAT', call.at)
      pieces.push(formatted(piece, value, call.at))
    }
  }
  if (values.length > 0) throw new SqlError('Too many arguments to FORMAT', call.at)
  return { sql: pieces.length === 0 ? `''` : `(${pieces.join(' || ')})`, type: string }
}

function formatted(piece: string, value: Typed, at: number): string {
  const [, flags = '', width = '', precision, kind = ''] =
    /^%([-+ #0']*)(\d*)(?:\.(\d+))?(.)$/.exec(piece) ?? []
  const { name } = value.type
  const asText = (): string => castSql(value, string, at)
  const fits = (...names: string[]): boolean => names.includes(name) || name === 'NULL'
  if (kind === 'd' || kind === 'i') {
    if (!fits('INT64'))
      throw new SqlError(
        `Invalid type for argument of FORMAT; Expected integer; Got ${typeText(value.type)}`,
        at,
      )
    if (precision !== undefined) throw unsupported(`the format ${piece}`, at)
    if (flags.includes("'")) {
      if (flags !== "'" || width !== '') throw unsupported(`the format ${piece}`, at)
      return `format('{:,}', ${value.sql})`
    }
    return `printf('%${flags}${width}lld', CAST(${value.sql} AS BIGINT))`
  }
  if (/[xXo]/.test(kind) && fits('INT64') && precision === undefined && !flags.includes("'")) {
    return `CASE WHEN ${value.sql} < 0 THEN bq_error('a negative number in this format is not supported by the embedded BigQuery') ELSE printf('%${flags}${width}ll${kind}', CAST(${value.sql} AS BIGINT)) END`
  }
  if (/[feEgG]/.test(kind) && fits('FLOAT64', 'INT64') && !flags.includes("'")) {
    return `printf('%${flags}${width}${precision === undefined ? '' : `.${precision}`}${kind}', CAST(${value.sql} AS DOUBLE))`
  }
  if (kind === 's' && fits('STRING') && /^-?$/.test(flags)) {
    return padded(
      precision === undefined ? value.sql : `substr(${value.sql}, 1, ${precision})`,
      flags,
      width,
    )
  }
  if (kind === 't' && flags === '' && precision === undefined && width === '') {
    if (
      ['INT64', 'BOOL', 'STRING', 'DATE', 'DATETIME', 'TIME', 'TIMESTAMP', 'NUMERIC'].includes(name)
    )
      return `coalesce(${asText()}, 'NULL')`
    if (name === 'FLOAT64')
      return `coalesce(CASE WHEN ${value.sql} = trunc(${value.sql}) AND abs(${value.sql}) < 1e15 THEN bq_float_text(${value.sql}) || '.0' ELSE bq_float_text(${value.sql}) END, 'NULL')`
  }
  if (kind === 'T' && flags === '' && width === '' && precision === undefined) {
    if (['INT64', 'BOOL'].includes(name)) return `coalesce(${asText()}, 'NULL')`
    if (['DATE', 'DATETIME', 'TIME', 'TIMESTAMP'].includes(name))
      return `coalesce('${name} "' || ${asText()} || '"', 'NULL')`
  }
  throw unsupported(`the format ${piece} of ${typeText(value.type)}`, at)
}

function padded(sql: string, flags: string, width: string): string {
  if (width === '') return sql
  return `CASE WHEN length(${sql}) >= ${width} THEN ${sql} ELSE ${flags === '-' ? 'rpad' : 'lpad'}(${sql}, ${width}, ' ') END`
}

function normalized(call: Call, translate: Translate, then: (s: string) => string): Typed {
  const mode = call.args[1]
  const isNfc =
    mode === undefined || (mode.k === 'name' && (mode.path[0] as string).toUpperCase() === 'NFC')
  if (!isNfc) throw unsupported('a normal form but NFC', call.at)
  return {
    sql: then(`nfc_normalize(${text(translate(call.args[0] as Expr), call)})`),
    type: string,
  }
}
