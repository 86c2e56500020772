// Expressions of GoogleSQL in DuckDB's words, each with its type.

import { addInterval, extract, timeFunction } from './time-functions.ts'
import { bytesSql, castSql, coerce, coerced, literal } from './casts.ts'
import { aggregateFunctions, scalarFunctions, windowFunctions } from './function-table.ts'
import { fieldOf, lookUp, windowNamed } from './scope.ts'
import type { Scope, Typed } from './scope.ts'
import { apply, fill } from './signatures.ts'
import { specialFunctions } from './special-functions.ts'
import { SqlError, unsupported } from './sql-error.ts'
import type { Call, Expr, FrameEnd, OrderItem, Window } from './syntax.ts'
import {
  arrayOf,
  bignumeric,
  bool,
  bytes,
  commonType,
  distance,
  duckType,
  fieldName,
  float64,
  int64,
  json,
  nothing,
  numeric,
  quoteName,
  quoteText,
  string,
  typeText,
} from './types.ts'
import type { SqlType } from './types.ts'
import type { Translator } from './translator.ts'

export function expression(t: Translator, e: Expr, scope: Scope): Typed {
  const of = (inner: Expr): Typed => expression(t, inner, scope)
  const boolean = (inner: Expr): string => {
    const value = of(inner)
    const sql = coerce(value, bool)
    if (sql === undefined)
      throw new SqlError(`Expected BOOL but found ${typeText(value.type)}`, inner.at)
    return sql
  }
  switch (e.k) {
    case 'literal':
      return literalOf(e)
    case 'name':
      return nameOf(e, scope)
    case 'field':
      return fieldOf(of(e.of), e.name, e.at)
    case 'index':
      return indexOf(of(e.of), of(e.index), e)
    case 'call':
      return callOf(t, e, scope)
    case 'unary':
      return unaryOf(e.op, e.op === 'NOT' ? { sql: boolean(e.of), type: bool } : of(e.of), e.at)
    case 'binary':
      if (e.op === 'AND' || e.op === 'OR')
        return { sql: `(${boolean(e.left)} ${e.op} ${boolean(e.right)})`, type: bool }
      return binaryOf(t, e, scope)
    case 'is': {
      const value = e.what === 'NULL' ? of(e.of).sql : boolean(e.of)
      return { sql: `(${value} IS ${e.not ? 'NOT ' : ''}${e.what})`, type: bool }
    }
    case 'distinctFrom': {
      const [left, right] = alike([of(e.left), of(e.right)], e.at).values as [string, string]
      return { sql: `(${left} IS ${e.not ? 'NOT ' : ''}DISTINCT FROM ${right})`, type: bool }
    }
    case 'between': {
      const { values } = alike([of(e.of), of(e.low), of(e.high)], e.at)
      return {
        sql: `(${values[0]} ${e.not ? 'NOT ' : ''}BETWEEN ${values[1]} AND ${values[2]})`,
        type: bool,
      }
    }
    case 'in':
      return inOf(t, e, scope)
    case 'like': {
      const [value, pattern] = [of(e.of), of(e.pattern)].map((each) => coerced(each, string, e.at))
      return { sql: `(${value} ${e.not ? 'NOT ' : ''}LIKE ${pattern} ESCAPE '\\')`, type: bool }
    }
    case 'likeAny': {
      const value = coerced(of(e.of), string, e.at)
      const each = e.patterns.map(
        (pattern) => `(${value} LIKE ${coerced(of(pattern), string, e.at)} ESCAPE '\\')`,
      )
      return {
        sql: `(${e.not ? 'NOT ' : ''}(${each.join(e.how === 'ALL' ? ' AND ' : ' OR ')}))`,
        type: bool,
      }
    }
    case 'case':
      return caseOf(e, of, boolean)
    case 'cast':
      return castOf(e, of(e.of))
    case 'extract':
      return extract(e, of)
    case 'interval':
      throw unsupported('an INTERVAL by itself', e.at)
    case 'array':
      return arrayLiteral(e, e.items.map(of))
    case 'arrayQuery': {
      const query = t.query(e.query, scope)
      if (query.columns.length !== 1)
        throw new SqlError(
          'ARRAY subquery cannot have more than one column unless using SELECT AS STRUCT to build STRUCT values',
          e.at,
        )
      return {
        sql: `ARRAY(${query.sql})`,
        type: arrayOf((query.columns[0] as { type: SqlType }).type),
      }
    }
    case 'struct':
      return structOf(
        e,
        e.fields.map((field) => of(field.value)),
      )
    case 'query': {
      const query = t.query(e.query, scope)
      if (query.columns.length !== 1)
        throw new SqlError(
          'Scalar subquery cannot have more than one column unless using SELECT AS STRUCT to build STRUCT values',
          e.at,
        )
      return { sql: `(${query.sql})`, type: (query.columns[0] as { type: SqlType }).type }
    }
    case 'exists':
      return { sql: `EXISTS(${t.query(e.query, scope).sql})`, type: bool }
    case 'param':
      return t.parameter(e)
    case 'star':
      throw new SqlError('Syntax error: Unexpected "*"', e.at)
  }
}

function literalOf({ type, value, at }: Expr & { k: 'literal' }): Typed {
  switch (type) {
    case 'NULL':
      return { sql: 'NULL', type: nothing, isLiteral: true }
    case 'BOOL':
      return { sql: value, type: bool, isLiteral: true }
    case 'INT64': {
      const whole = BigInt(value)
      if (whole > 2n ** 63n - 1n || whole < -(2n ** 63n))
        throw new SqlError(`Invalid integer literal: ${value}`, at)
      return { sql: `CAST(${value} AS BIGINT)`, type: int64, isLiteral: true }
    }
    case 'FLOAT64':
      return { sql: `CAST(${quoteText(value)} AS DOUBLE)`, type: float64, isLiteral: true }
    case 'STRING':
      return { sql: quoted(value), type: string, isLiteral: true, text: value }
    case 'BYTES':
      return { sql: bytesSql(Buffer.from(value, 'latin1')), type: bytes, isLiteral: true }
    default:
      return literal(type, value, at)
  }
}

const quoted = (value: string): string =>
  value.includes('\0')
    ? `(${value.split('\0').map(quoteText).join(' || chr(0) || ')})`
    : quoteText(value)

function nameOf({ path, at }: Expr & { k: 'name' }, scope: Scope): Typed {
  if (path[0]?.startsWith('@@')) throw unsupported('a system variable', at)
  return lookUp(scope, path, at)
}

function indexOf(of: Typed, index: Typed, { how, at }: Expr & { k: 'index' }): Typed {
  if (of.type.name === 'JSON') {
    if (index.type.name === 'STRING') {
      if (index.text === undefined) throw unsupported('a JSON field whose name is no literal', at)
      return { sql: `json_extract(${of.sql}, ${quoteText(`$."${index.text}"`)})`, type: json }
    }
    return {
      sql: `json_extract(${of.sql}, '$[' || ${coerced(index, int64, at)} || ']')`,
      type: json,
    }
  }
  if (of.type.name !== 'ARRAY')
    throw new SqlError(
      `Element access using [${how === 'plain' ? '' : `${how}()`}] is not supported on values of type ${typeText(of.type)}`,
      at,
    )
  const position = coerced(index, int64, at)
  const isFromOne = how.endsWith('ORDINAL')
  const macro = how.startsWith('SAFE') ? 'bq_safe_at' : 'bq_at'
  return {
    sql: `${macro}(${of.sql}, ${isFromOne ? `(${position} - 1)` : position})`,
    type: of.type.of as SqlType,
  }
}

function unaryOf(op: string, value: Typed, at: number): Typed {
  if (op === 'NOT') return { sql: `(NOT ${value.sql})`, type: bool }
  if (op === '~') return { sql: `(~${coerced(value, int64, at)})`, type: int64 }
  if (!isNumber(value.type) && value.type.name !== 'NULL') {
    throw new SqlError(
      `No matching signature for operator unary ${op} for argument types: ${typeText(value.type)}`,
      at,
    )
  }
  return op === '+'
    ? value
    : { sql: `(-${value.sql})`, type: value.type.name === 'NULL' ? int64 : value.type }
}

const isNumber = ({ name }: SqlType): boolean =>
  name === 'INT64' || name === 'FLOAT64' || name === 'NUMERIC' || name === 'BIGNUMERIC'

function binaryOf(t: Translator, e: Expr & { k: 'binary' }, scope: Scope): Typed {
  const { op, at } = e
  if ((op === '+' || op === '-') && (e.right.k === 'interval' || e.left.k === 'interval')) {
    const isRight = e.right.k === 'interval'
    if (!isRight && op === '-') throw new SqlError('INTERVAL - value is no operation', at)
    const [value, by] = (isRight ? [e.left, e.right] : [e.right, e.left]) as [
      Expr,
      Expr & { k: 'interval' },
    ]
    const moved = expression(t, value, scope)
    // A date plus an interval is a DATETIME.
    const base =
      moved.type.name === 'DATE'
        ? { sql: `CAST(${moved.sql} AS TIMESTAMP)`, type: { name: 'DATETIME' } as SqlType }
        : moved
    return addInterval(base, by, op === '-', (inner) => expression(t, inner, scope))
  }
  const left = expression(t, e.left, scope)
  const right = expression(t, e.right, scope)
  if (['=', '!=', '<', '>', '<=', '>='].includes(op)) return compared(op, left, right, at)
  if (op === '||') return joined(left, right, at)
  if (['&', '|', '^', '<<', '>>'].includes(op)) {
    const [a, b] = [coerced(left, int64, at), coerced(right, int64, at)]
    return { sql: op === '^' ? `xor(${a}, ${b})` : `(${a} ${op} ${b})`, type: int64 }
  }
  return arithmetic(op, left, right, at)
}

function compared(op: string, left: Typed, right: Typed, at: number): Typed {
  const { values, type } = alike([left, right], at, op)
  if (type.name === 'JSON' || type.name === 'ARRAY') {
    throw new SqlError(
      `${op === '=' ? 'Equality' : 'Comparison'} is not defined for arguments of type ${typeText(type)}`,
      at,
    )
  }
  return { sql: `(${values[0]} ${op === '!=' ? '<>' : op} ${values[1]})`, type: bool }
}

function joined(left: Typed, right: Typed, at: number): Typed {
  const type = [left, right].map((each) => each.type).find(({ name }) => name !== 'NULL') ?? string
  if (type.name === 'ARRAY') {
    const { values, type: array } = alike([left, right], at)
    return {
      sql: `CASE WHEN ${values[0]} IS NULL OR ${values[1]} IS NULL THEN NULL ELSE list_concat(${values.join(', ')}) END`,
      type: array,
    }
  }
  if (type.name === 'BYTES')
    return { sql: `(${coerced(left, bytes, at)} || ${coerced(right, bytes, at)})`, type: bytes }
  const texts = [left, right].map((each) => {
    if (each.type.name !== 'STRING' && each.type.name !== 'NULL') {
      throw new SqlError(
        `No matching signature for operator || for argument types: ${typeText(left.type)}, ${typeText(right.type)}`,
        at,
      )
    }
    return coerced(each, string, at)
  })
  return { sql: `(${texts.join(' || ')})`, type: string }
}

function arithmetic(op: string, left: Typed, right: Typed, at: number): Typed {
  const refuse = (): never => {
    throw new SqlError(
      `No matching signature for operator ${op} for argument types: ${typeText(left.type)}, ${typeText(right.type)}`,
      at,
    )
  }
  const [a, b] = [left.type.name, right.type.name]
  if (a === 'DATE' && b === 'INT64' && (op === '+' || op === '-'))
    return { sql: `CAST(${left.sql} ${op} CAST(${right.sql} AS INTEGER) AS DATE)`, type: left.type }
  if (b === 'DATE' && a === 'INT64' && op === '+')
    return { sql: `CAST(${right.sql} + CAST(${left.sql} AS INTEGER) AS DATE)`, type: right.type }
  if (
    [a, b].some((name) => name === 'DATE' || name === 'TIMESTAMP' || name === 'DATETIME') &&
    a === b
  )
    throw unsupported('the INTERVAL between two times', at)
  if (![left, right].every(({ type }) => isNumber(type) || type.name === 'NULL')) refuse()
  const wide = numberType(left, right, op)
  const [x, y] = [coerced(left, wide, at), coerced(right, wide, at)]
  if (op === '/') {
    if (wide.name === 'NUMERIC') return { sql: `bq_numeric_div(${x}, ${y})`, type: wide }
    if (wide.name === 'BIGNUMERIC') throw unsupported('a division of BIGNUMERIC', at)
    return { sql: `bq_div(${x}, ${y})`, type: float64 }
  }
  if (op === '*' && wide.name === 'NUMERIC')
    return { sql: `bq_numeric_mul(${x}, ${y})`, type: wide }
  if (op === '*' && wide.name === 'BIGNUMERIC') throw unsupported('a product of BIGNUMERIC', at)
  if (op !== '+' && op !== '-' && op !== '*') refuse()
  const sql = `(${x} ${op} ${y})`
  return {
    sql:
      wide.name === 'NUMERIC'
        ? `CAST(${sql} AS DECIMAL(38,9))`
        : wide.name === 'BIGNUMERIC'
          ? `CAST(${sql} AS DECIMAL(38,18))`
          : sql,
    type: wide,
  }
}

function numberType(left: Typed, right: Typed, op: string): SqlType {
  const names = [left.type.name, right.type.name]
  const isExact = (value: Typed): boolean => value.type.name.endsWith('NUMERIC')
  // A literal with a fraction becomes NUMERIC beside one.
  if (isExact(left) && right.type.name === 'FLOAT64' && right.isLiteral === true) return left.type
  if (isExact(right) && left.type.name === 'FLOAT64' && left.isLiteral === true) return right.type
  if (names.includes('FLOAT64')) return float64
  if (names.includes('BIGNUMERIC')) return bignumeric
  if (names.includes('NUMERIC')) return numeric
  return op === '/' ? float64 : int64
}

/** Values as one type. */
export function alike(
  values: readonly Typed[],
  at: number,
  op = '',
): { values: string[]; type: SqlType } {
  const type = commonType(
    values.map(({ type, isLiteral }) => ({ type, isLiteral: isLiteral === true })),
  )
  if (!type) {
    const given = values.map((value) => typeText(value.type)).join(', ')
    throw new SqlError(
      `No matching signature for operator ${op || 'IN'} for argument types: ${given}`,
      at,
    )
  }
  const as = type.name === 'NULL' ? int64 : type
  return { values: values.map((value) => coerced(value, as, at)), type: as }
}

function inOf(t: Translator, e: Expr & { k: 'in' }, scope: Scope): Typed {
  const value = expression(t, e.of, scope)
  const not = e.not ? 'NOT ' : ''
  if (e.list) {
    const { values } = alike([value, ...e.list.map((each) => expression(t, each, scope))], e.at)
    return { sql: `(${values[0]} ${not}IN (${values.slice(1).join(', ')}))`, type: bool }
  }
  if (e.array) {
    const array = expression(t, e.array, scope)
    if (array.type.name === 'NULL') return { sql: e.not ? 'TRUE' : 'FALSE', type: bool }
    if (array.type.name !== 'ARRAY')
      throw new SqlError('Second argument of IN UNNEST must be an array', e.at)
    const common = commonType([
      { type: value.type, isLiteral: value.isLiteral === true },
      { type: array.type.of as SqlType, isLiteral: array.isLiteral === true },
    ])
    if (!common)
      throw new SqlError(
        `No matching signature for operator IN UNNEST for argument types: ${typeText(value.type)}, ${typeText(array.type)}`,
        e.at,
      )
    return {
      sql: `(${not}bq_in(${coerced(value, common, e.at)}, ${coerced(array, arrayOf(common), e.at)}))`,
      type: bool,
    }
  }
  const query = t.query(e.query as NonNullable<typeof e.query>, scope)
  const [column] = query.columns
  if (!column || query.columns.length !== 1)
    throw new SqlError('Subquery of type IN must have only one output column', e.at)
  const common = commonType([
    { type: value.type, isLiteral: value.isLiteral === true },
    { type: column.type, isLiteral: false },
  ])
  if (!common)
    throw new SqlError(
      `Cannot execute IN subquery with uncomparable types ${typeText(value.type)} and ${typeText(column.type)}`,
      e.at,
    )
  const wanted = common.name === 'NULL' ? int64 : common
  const inner =
    distance(column.type, wanted, false) === 0
      ? query.sql
      : `SELECT CAST(c0 AS ${duckType(wanted)}) FROM (${query.sql}) AS i`
  return { sql: `(${coerced(value, wanted, e.at)} ${not}IN (${inner}))`, type: bool }
}

function caseOf(
  e: Expr & { k: 'case' },
  of: (inner: Expr) => Typed,
  boolean: (inner: Expr) => string,
): Typed {
  const results = alike(
    [...e.whens.map(({ value }) => of(value)), ...(e.otherwise ? [of(e.otherwise)] : [])],
    e.at,
  )
  const whens = e.whens.map(({ when }, i) => {
    const condition = e.of ? compared('=', of(e.of), of(when), when.at).sql : boolean(when)
    return `WHEN ${condition} THEN ${results.values[i]}`
  })
  const rest = e.otherwise ? ` ELSE ${results.values.at(-1)}` : ''
  return { sql: `(CASE ${whens.join(' ')}${rest} END)`, type: results.type }
}

function castOf({ type, isSafe, format, zone, at }: Expr & { k: 'cast' }, value: Typed): Typed {
  if (format) throw unsupported('CAST with FORMAT', at)
  if (zone) throw unsupported('CAST with AT TIME ZONE', at)
  if (type.name === 'INTERVAL') throw unsupported('INTERVAL', at)
  const sql = castSql(value, type, at)
  return { sql: isSafe ? `TRY(${sql})` : sql, type: { ...type, name: type.name } }
}

function arrayLiteral({ type, at }: Expr & { k: 'array' }, items: Typed[]): Typed {
  const common =
    type ??
    (items.length === 0
      ? nothing
      : commonType(items.map((item) => ({ type: item.type, isLiteral: item.isLiteral === true }))))
  if (!common) throw new SqlError('Array elements of types do not have a common supertype', at)
  if (common.name === 'ARRAY')
    throw new SqlError(
      'Cannot construct array with element type ARRAY because nested arrays are not supported',
      at,
    )
  const of = common.name === 'NULL' ? (items.length === 0 ? nothing : int64) : common
  const values = items.map((item) => coerced(item, of, at))
  return {
    sql: `CAST([${values.join(', ')}] AS ${duckType(of)}[])`,
    type: arrayOf(of),
    isLiteral: items.every((item) => item.isLiteral === true),
  }
}

function structOf({ type, fields, at }: Expr & { k: 'struct' }, values: Typed[]): Typed {
  const declared = type?.fields
  if (declared && declared.length !== values.length)
    throw new SqlError('STRUCT type has a different number of fields than values', at)
  const named = fields.map((field, i) => ({
    name:
      declared?.[i]?.name ??
      field.name ??
      (field.value.k === 'name' ? (field.value.path.at(-1) as string) : ''),
    type: declared?.[i]?.type ?? plain((values[i] as Typed).type),
  }))
  const anonymous =
    !declared &&
    fields.every(({ name }) => name === undefined) &&
    fields.every(({ value }) => value.k !== 'name')
  const packed = values.map((value, i) => {
    const { name, type: of } = named[i] as (typeof named)[number]
    return `${quoteName(fieldName(anonymous ? '' : name, i))} := ${coerced(value, of, at)}`
  })
  if (packed.length === 0) throw unsupported('a STRUCT without fields', at)
  return { sql: `struct_pack(${packed.join(', ')})`, type: { name: 'STRUCT', fields: named } }
}

const plain = (type: SqlType): SqlType => (type.name === 'NULL' ? int64 : type)

function callOf(t: Translator, call: Expr & Call, scope: Scope): Typed {
  if (Object.keys(call.named).length > 0)
    throw unsupported(`${call.name} with named arguments`, call.at)
  const value = plainCall(t, call, scope)
  if (!call.isSafe) return value
  if (aggregateFunctions.has(call.name) || call.over)
    throw new SqlError(`Function SAFE.${call.name} is not supported`, call.at)
  // Only what the function itself does may fail in silence.
  if (!call.args.every(cannotFail))
    throw unsupported(`SAFE.${call.name} of a computed value`, call.at)
  return { ...value, sql: `TRY(${value.sql})` }
}

function cannotFail(e: Expr): boolean {
  if (e.k === 'field' || e.k === 'unary') return e.k === 'field' && cannotFail(e.of)
  if (e.k === 'array') return e.items.every(cannotFail)
  return e.k === 'literal' || e.k === 'name' || e.k === 'param' || e.k === 'interval'
}

function plainCall(t: Translator, call: Expr & Call, scope: Scope): Typed {
  const { name, at } = call
  const of = (inner: Expr): Typed => expression(t, inner, scope)
  if (
    call.over ||
    aggregateFunctions.has(name) ||
    windowFunctions.has(name) ||
    aggregates[name] ||
    name === 'COUNTIF'
  ) {
    return aggregate(t, call, scope)
  }
  if (call.isDistinct || call.order || call.limit || call.nulls)
    throw new SqlError(`Function ${name} is no aggregate function`, at)
  if (name === 'COLLATE') throw unsupported('collation', at)
  if (name === 'ROUND' && call.args.length === 1) return scalar(t, call, call.args.map(of))
  const special = specialFunctions[name]
  if (special) return special(call, of)
  const timed = timeFunction(call, of)
  if (timed) return timed
  return scalar(t, call, call.args.map(of))
}

function scalar(t: Translator, { name, at }: Call, args: Typed[]): Typed {
  const signatures = scalarFunctions.get(name)
  if (!signatures) throw unsupported(`the function ${name}`, at)
  const applied = apply(name, signatures, args, at)
  return { sql: `(${fill(applied.template, applied.args, t.now)})`, type: applied.result }
}

const aggregates: Record<string, (t: Translator, call: Call, scope: Scope) => Typed> = {
  APPROX_QUANTILES(t, call, scope) {
    const [of, count] = call.args as [Expr, Expr]
    if (count?.k !== 'literal' || call.isDistinct || call.nulls)
      throw unsupported('APPROX_QUANTILES in this form', call.at)
    const value = expression(t, of, scope)
    const n = Number(count.value)
    const points = Array.from({ length: n + 1 }, (_, i) => i / n)
    return { sql: `quantile_disc(${value.sql}, [${points.join(', ')}])`, type: arrayOf(value.type) }
  },
  ARRAY_CONCAT_AGG(t, call, scope) {
    const value = expression(t, call.args[0] as Expr, scope)
    if (value.type.name !== 'ARRAY')
      throw new SqlError('No matching signature for aggregate function ARRAY_CONCAT_AGG', call.at)
    const order = call.order ? ` ORDER BY ${orderSql(t, call.order, scope)}` : ''
    if (call.limit) throw unsupported('ARRAY_CONCAT_AGG with LIMIT', call.at)
    return {
      sql: `flatten(list(${value.sql}${order}) FILTER (WHERE ${value.sql} IS NOT NULL))`,
      type: value.type,
    }
  },
}

const ignoresNulls = new Set(['FIRST_VALUE', 'LAST_VALUE', 'NTH_VALUE', 'LAG', 'LEAD'])

function aggregate(t: Translator, call: Call, scope: Scope): Typed {
  const { name, at } = call
  const own = aggregates[name]
  if (own) {
    if (call.over) throw unsupported(`${name} over a window`, at)
    return own(t, call, scope)
  }
  const over = call.over ? ` OVER (${windowSql(t, call.over, scope)})` : ''
  const isStar = call.args[0]?.k === 'star'
  if (name === 'COUNT' && isStar) return { sql: `count(*)${over}`, type: int64 }
  if (isStar) throw new SqlError('Argument * can only be used in COUNT(*)', at)
  const args = call.args.map((arg) => expression(t, arg, scope))
  if (name === 'COUNTIF') {
    if (call.isDistinct) throw unsupported('COUNTIF(DISTINCT …)', at)
    return {
      sql: `count(*) FILTER (WHERE ${coerced(args[0] as Typed, bool, at)})${over}`,
      type: int64,
    }
  }
  const signatures = (over !== '' && windowFunctions.get(name)) || aggregateFunctions.get(name)
  if (!signatures)
    throw windowFunctions.has(name)
      ? new SqlError(`Analytic function ${name} cannot be called without an OVER clause`, at)
      : unsupported(`the function ${name} over a window`, at)
  const applied = apply(name, signatures, args, at)
  return modified(t, call, applied, { over, scope })
}

interface Modifiers {
  over: string
  scope: Scope
}

function modified(
  t: Translator,
  call: Call,
  applied: ReturnType<typeof apply>,
  { over, scope }: Modifiers,
): Typed {
  const { name, at } = call
  const filters: string[] = []
  const isNavigation = ignoresNulls.has(name)
  let template = applied.template
  let values = applied.args
  if (call.having) {
    if (name !== 'ANY_VALUE') throw unsupported(`${name} with HAVING`, at)
    template = call.having.how === 'MAX' ? '<arg_max($1, $2)>' : '<arg_min($1, $2)>'
    values = [...values, expression(t, call.having.of, scope).sql]
  }
  if (call.nulls === 'IGNORE' && !isNavigation && !name.startsWith('PERCENTILE'))
    filters.push(`${values[0]} IS NOT NULL`)
  if (call.nulls === 'RESPECT' && name.startsWith('PERCENTILE'))
    throw unsupported(`${name} with RESPECT NULLS`, at)
  if (name === 'STRING_AGG') filters.push(`${values[0]} IS NOT NULL`)
  const order = call.order ? ` ORDER BY ${orderSql(t, call.order, scope)}` : ''
  const limit = call.limit ? coerced(expression(t, call.limit, scope), int64, at) : undefined
  if (limit !== undefined && name === 'STRING_AGG') {
    template = `array_to_string(<list($1)>[1:${limit}], ${values[1] ?? "','"})`
  } else if (limit !== undefined && name === 'ARRAY_AGG') template = `<list($1)>[1:${limit}]`
  else if (limit !== undefined) throw unsupported(`${name} with LIMIT`, at)
  if (
    (call.isDistinct || call.order) &&
    /sum|count\(\$1\)>.*</.test(template) &&
    template.includes('bq_average') &&
    call.order
  )
    throw unsupported('this order', at)
  const filter = filters.length > 0 ? ` FILTER (WHERE ${filters.join(' AND ')})` : ''
  const nulls = isNavigation && call.nulls === 'IGNORE' ? ' IGNORE NULLS' : ''
  const filled = template.replace(/<(\w+)\((.*?)\)>/g, (_, duck: string, inner: string) => {
    const distinct = call.isDistinct ? 'DISTINCT ' : ''
    return `${duck}(${distinct}${fill(inner, values, t.now)}${order}${nulls})${filter}${over}`
  })
  return { sql: `(${fill(filled, values, t.now)})`, type: applied.result }
}

export function orderSql(t: Translator, items: readonly OrderItem[], scope: Scope): string {
  return items.map((item) => ordered(expression(t, item.of, scope).sql, item)).join(', ')
}

/** Nulls come first, and last when descending. */
export function ordered(sql: string, { isDescending, nulls }: OrderItem): string {
  return `${sql} ${isDescending ? 'DESC' : 'ASC'} NULLS ${nulls ?? (isDescending ? 'LAST' : 'FIRST')}`
}

function windowSql(t: Translator, window: Window, scope: Scope): string {
  const whole =
    window.base === undefined ? window : merged(windowNamed(scope, window.base, 0), window)
  if (whole.base !== undefined) return windowSql(t, whole, scope)
  const partition = whole.partition.map((each) => expression(t, each, scope).sql)
  const parts = [
    ...(partition.length > 0 ? [`PARTITION BY ${partition.join(', ')}`] : []),
    ...(whole.order.length > 0 ? [`ORDER BY ${orderSql(t, whole.order, scope)}`] : []),
  ]
  if (whole.frame) {
    const end = (at: FrameEnd): string =>
      at.by ? `${expression(t, at.by, scope).sql} ${at.how}` : at.how
    const { unit, from, to } = whole.frame
    parts.push(to ? `${unit} BETWEEN ${end(from)} AND ${end(to)}` : `${unit} ${end(from)}`)
  }
  return parts.join(' ')
}

function merged(base: Window, own: Window): Window {
  return {
    ...(base.base !== undefined && { base: base.base }),
    partition: base.partition,
    order: own.order.length > 0 ? own.order : base.order,
    ...((own.frame ?? base.frame) && {
      frame: (own.frame ?? base.frame) as NonNullable<Window['frame']>,
    }),
  }
}
