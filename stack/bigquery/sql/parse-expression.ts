// Expressions, by precedence from OR down to a field of a value.

import type { Cursor } from './cursor.ts'
import { parseQuery } from './parse-query.ts'
import { SqlError, unsupported } from './sql-error.ts'
import type { Call, Expr, FrameEnd, IndexKind, OrderItem, Window } from './syntax.ts'
import type { SqlType } from './types.ts'

export function parseExpression(c: Cursor): Expr {
  return or(c)
}

function or(c: Cursor): Expr {
  let left = and(c)
  for (let at = c.at; c.take('OR'); at = c.at)
    left = { k: 'binary', at, op: 'OR', left, right: and(c) }
  return left
}

function and(c: Cursor): Expr {
  let left = not(c)
  for (let at = c.at; c.take('AND'); at = c.at)
    left = { k: 'binary', at, op: 'AND', left, right: not(c) }
  return left
}

function not(c: Cursor): Expr {
  const { at } = c
  return c.take('NOT') ? { k: 'unary', at, op: 'NOT', of: not(c) } : comparison(c)
}

const comparisons = ['=', '<', '>', '<=', '>=', '!=', '<>'] as const

function comparison(c: Cursor): Expr {
  const left = bitOr(c)
  const { at } = c
  const op = c.takeOne(...comparisons)
  if (op !== undefined) {
    const right = bitOr(c)
    if (comparisons.some((each) => c.token.upper === each)) throw c.unexpected()
    return { k: 'binary', at, op: op === '<>' ? '!=' : op, left, right }
  }
  if (c.take('IS')) return isWhat(c, left, at)
  const isNegated =
    c.is('NOT') && ['IN', 'LIKE', 'BETWEEN'].includes(c.peek().upper) && c.take('NOT')
  if (c.take('BETWEEN')) {
    const low = bitOr(c)
    c.expect('AND')
    return { k: 'between', at, of: left, low, high: bitOr(c), not: isNegated }
  }
  if (c.take('LIKE')) {
    const how = c.takeOne('ANY', 'SOME', 'ALL')
    if (how === undefined) return { k: 'like', at, of: left, pattern: bitOr(c), not: isNegated }
    c.expect('(')
    const patterns = list(c, ')')
    return {
      k: 'likeAny',
      at,
      of: left,
      how: how === 'ALL' ? 'ALL' : 'ANY',
      patterns,
      not: isNegated,
    }
  }
  if (c.take('IN')) return inWhat(c, left, at, isNegated)
  return left
}

function isWhat(c: Cursor, of: Expr, at: number): Expr {
  const isNegated = c.take('NOT')
  const what = c.takeOne('NULL', 'TRUE', 'FALSE')
  if (what !== undefined) return { k: 'is', at, of, what, not: isNegated }
  c.expect('DISTINCT', 'FROM')
  return { k: 'distinctFrom', at, left: of, right: bitOr(c), not: isNegated }
}

function inWhat(c: Cursor, of: Expr, at: number, isNegated: boolean): Expr {
  const common = { k: 'in', at, of, not: isNegated } as const
  if (c.take('UNNEST')) {
    c.expect('(')
    const array = parseExpression(c)
    c.expect(')')
    return { ...common, array }
  }
  c.expect('(')
  if (startsQuery(c)) {
    const query = parseQuery(c)
    c.expect(')')
    return { ...common, query }
  }
  return { ...common, list: list(c, ')') }
}

const binaryLevel =
  (operators: readonly string[], below: (c: Cursor) => Expr) =>
  (c: Cursor): Expr => {
    let left = below(c)
    for (;;) {
      const { at } = c
      const op = c.token.kind === 'symbol' ? c.takeOne(...operators) : undefined
      if (op === undefined) return left
      left = { k: 'binary', at, op, left, right: below(c) }
    }
  }

const product = binaryLevel(['*', '/', '||'], unary)
const sum = binaryLevel(['+', '-'], product)
const shift = binaryLevel(['<<', '>>'], sum)
const bitAnd = binaryLevel(['&'], shift)
const bitXor = binaryLevel(['^'], bitAnd)
const bitOr = binaryLevel(['|'], bitXor)

function unary(c: Cursor): Expr {
  const { at } = c
  const op = c.token.kind === 'symbol' ? c.takeOne('-', '+', '~') : undefined
  if (op === undefined) return postfix(c, primary(c))
  const of = unary(c)
  if (
    op === '-' &&
    of.k === 'literal' &&
    /^(INT64|FLOAT64)$/.test(of.type) &&
    !of.value.startsWith('-')
  ) {
    return { ...of, at, value: `-${of.value}` }
  }
  return { k: 'unary', at, op, of }
}

function postfix(c: Cursor, start: Expr): Expr {
  let of = start
  for (;;) {
    const { at } = c
    if (c.token.text === '.' && c.token.kind === 'symbol' && c.peek().text !== '*') {
      c.next()
      const name = c.nameAfterDot()
      if (of.k === 'name')
        of = c.is('(') ? call(c, [...of.path, name], at) : { ...of, path: [...of.path, name] }
      else of = { k: 'field', at, of, name }
    } else if (c.take('[')) {
      const how = (['OFFSET', 'ORDINAL', 'SAFE_OFFSET', 'SAFE_ORDINAL'] as const).find((word) =>
        c.is(word, '('),
      )
      of = { k: 'index', at, of, ...index(c, how) }
    } else return of
  }
}

function index(c: Cursor, how: IndexKind | undefined): { how: IndexKind; index: Expr } {
  if (how === undefined) {
    const value = parseExpression(c)
    c.expect(']')
    return { how: 'plain', index: value }
  }
  c.next()
  c.expect('(')
  const value = parseExpression(c)
  c.expect(')', ']')
  return { how, index: value }
}

export const startsQuery = (c: Cursor): boolean => {
  let ahead = 0
  while (c.peek(ahead).text === '(') ahead++
  return ['SELECT', 'WITH'].includes(c.peek(ahead).upper)
}

const typedLiterals = new Set([
  'DATE',
  'DATETIME',
  'TIME',
  'TIMESTAMP',
  'NUMERIC',
  'BIGNUMERIC',
  'DECIMAL',
  'BIGDECIMAL',
  'JSON',
])

function primary(c: Cursor): Expr {
  const { token, at } = c
  switch (token.kind as string) {
    case 'int':
      c.next()
      return { k: 'literal', at, type: 'INT64', value: String(BigInt(token.text)) }
    case 'float':
      c.next()
      return { k: 'literal', at, type: 'FLOAT64', value: token.text }
    case 'string':
    case 'bytes':
      c.next()
      return {
        k: 'literal',
        at,
        type: token.kind === 'string' ? 'STRING' : 'BYTES',
        value: token.text,
      }
    case 'param':
      c.next()
      return { k: 'param', at, name: token.text }
    case 'quoted':
      c.next()
      return c.token.text === '('
        ? call(c, [token.text], at)
        : { k: 'name', at, path: [token.text] }
    case 'name':
      return word(c)
    default:
  }
  if (c.take('?')) return { k: 'param', at, position: c.positions++ }
  if (c.take('(')) return parenthesis(c, at)
  if (c.take('[')) return { k: 'array', at, items: list(c, ']') }
  throw c.unexpected()
}

function parenthesis(c: Cursor, at: number): Expr {
  if (startsQuery(c)) {
    const mark = c.mark()
    try {
      const query = parseQuery(c)
      if (c.take(')')) return { k: 'query', at, query }
    } catch (error) {
      if (c.peek(0).text !== '(' && !(error instanceof SqlError)) throw error
      c.back(mark)
      if (!c.is('(')) throw error
    }
    c.back(mark)
  }
  const first = parseExpression(c)
  if (!c.is(',')) {
    c.expect(')')
    return first
  }
  const fields = [{ value: first }]
  while (c.take(',')) fields.push({ value: parseExpression(c) })
  c.expect(')')
  return { k: 'struct', at, fields }
}

function word(c: Cursor): Expr {
  const { at } = c
  const { upper, text } = c.token
  if (c.peek().kind === 'string' && typedLiterals.has(upper)) {
    c.next()
    const type = { DECIMAL: 'NUMERIC', BIGDECIMAL: 'BIGNUMERIC' }[upper] ?? upper
    return { k: 'literal', at, type, value: c.next().text }
  }
  switch (upper) {
    case 'NULL':
    case 'TRUE':
    case 'FALSE':
      c.next()
      return { k: 'literal', at, type: upper === 'NULL' ? 'NULL' : 'BOOL', value: upper }
    case 'CASE':
      return caseOf(c)
    case 'CAST':
    case 'SAFE_CAST':
      if (c.peek().text === '(') return cast(c)
      break
    case 'EXTRACT':
      if (c.peek().text === '(') return extract(c)
      break
    case 'EXISTS': {
      c.next()
      c.expect('(')
      const query = parseQuery(c)
      c.expect(')')
      return { k: 'exists', at, query }
    }
    case 'INTERVAL':
      return intervalOf(c)
    case 'ARRAY':
      return arrayOf(c)
    case 'STRUCT':
      return structOf(c)
    case 'SAFE':
      if (c.peek().text === '.') {
        c.next()
        c.next()
        const name = [c.nameAfterDot()]
        while (c.take('.')) name.push(c.nameAfterDot())
        return { ...call(c, name, at), isSafe: true }
      }
      break
    default:
  }
  if (
    c.peek().text === '(' &&
    (!c.isReserved(upper) ||
      ['IF', 'LEFT', 'RIGHT', 'RANGE', 'GROUPING', 'COLLATE', 'CONTAINS'].includes(upper))
  ) {
    c.next()
    return call(c, [text], at)
  }
  if (/^CURRENT_(DATE|DATETIME|TIME|TIMESTAMP)$/.test(upper)) {
    c.next()
    return plainCall(upper, [], at)
  }
  return { k: 'name', at, path: [c.name()] }
}

const plainCall = (name: string, args: Expr[], at: number): Call => ({
  k: 'call',
  at,
  name,
  args,
  named: {},
  isSafe: false,
  isDistinct: false,
})

function caseOf(c: Cursor): Expr {
  const { at } = c
  c.expect('CASE')
  const of = c.is('WHEN') ? undefined : parseExpression(c)
  const whens: { when: Expr; value: Expr }[] = []
  while (c.take('WHEN')) {
    const when = parseExpression(c)
    c.expect('THEN')
    whens.push({ when, value: parseExpression(c) })
  }
  const otherwise = c.take('ELSE') ? parseExpression(c) : undefined
  c.expect('END')
  return { k: 'case', at, ...(of && { of }), whens, ...(otherwise && { otherwise }) }
}

function cast(c: Cursor): Expr {
  const { at } = c
  const isSafe = c.next().upper === 'SAFE_CAST'
  c.expect('(')
  const of = parseExpression(c)
  c.expect('AS')
  const type = c.type()
  const format = c.take('FORMAT') ? parseExpression(c) : undefined
  const zone = c.take('AT') ? (c.expect('TIME', 'ZONE'), parseExpression(c)) : undefined
  c.expect(')')
  return { k: 'cast', at, of, type, isSafe, ...(format && { format }), ...(zone && { zone }) }
}

function extract(c: Cursor): Expr {
  const { at } = c
  c.next()
  c.expect('(')
  const part = c.next().upper
  let weekday: string | undefined
  if (c.take('(')) {
    weekday = c.next().upper
    c.expect(')')
  }
  c.expect('FROM')
  const of = parseExpression(c)
  const zone = c.take('AT') ? (c.expect('TIME', 'ZONE'), parseExpression(c)) : undefined
  c.expect(')')
  return {
    k: 'extract',
    at,
    part,
    of,
    ...(weekday !== undefined && { weekday }),
    ...(zone && { zone }),
  }
}

function intervalOf(c: Cursor): Expr {
  const { at } = c
  c.expect('INTERVAL')
  const value = parseExpression(c)
  const part = c.next().upper
  if (c.is('TO')) throw unsupported('an INTERVAL of several parts', at)
  return { k: 'interval', at, value, part }
}

function arrayOf(c: Cursor): Expr {
  const { at } = c
  if (c.peek().text === '<') {
    const { of } = c.type()
    c.expect('[')
    return { k: 'array', at, type: of as SqlType, items: list(c, ']') }
  }
  c.next()
  if (c.take('[')) return { k: 'array', at, items: list(c, ']') }
  c.expect('(')
  const query = parseQuery(c)
  c.expect(')')
  return { k: 'arrayQuery', at, query }
}

function structOf(c: Cursor): Expr {
  const { at } = c
  const type = c.peek().text === '<' ? c.type() : (c.next(), undefined)
  c.expect('(')
  const fields: { name?: string; value: Expr }[] = []
  while (!c.is(')')) {
    const value = parseExpression(c)
    fields.push({ value, ...(c.take('AS') && { name: c.name() }) })
    if (!c.take(',')) break
  }
  c.expect(')')
  return { k: 'struct', at, fields, ...(type && { type }) }
}

/** Behind the name; dots in it are namespaces, as in HLL_COUNT.INIT. */
function call(c: Cursor, path: string[], at: number): Expr & Call {
  c.expect('(')
  const result: Call = {
    ...plainCall(path.join('.').toUpperCase(), [], at),
    isDistinct: c.take('DISTINCT'),
  }
  while (!c.is(')')) {
    argument(c, result)
    if (!c.take(',')) break
  }
  modifiers(c, result)
  c.expect(')')
  if (c.take('OVER')) result.over = windowOf(c)
  return result
}

function argument(c: Cursor, result: Call): void {
  const { at } = c
  if (c.take('*')) {
    result.args.push({ k: 'star', at })
  } else if (startsQuery(c)) {
    result.args.push(queryOrExpression(c))
  } else if (c.peek().text === '=>') {
    const name = c.name().toLowerCase()
    c.next()
    result.named[name] = parseExpression(c)
  } else {
    const value = parseExpression(c)
    // STRUCT arguments may be named.
    if (c.is('AS')) throw c.unexpected('")" or ","')
    result.args.push(value)
  }
}

/** f((SELECT …)) and f(SELECT …). */
function queryOrExpression(c: Cursor): Expr {
  const { at } = c
  if (c.is('(')) return parseExpression(c)
  return { k: 'query', at, query: parseQuery(c) }
}

function modifiers(c: Cursor, result: Call): void {
  const nulls = c.takeOne('IGNORE', 'RESPECT')
  if (nulls !== undefined) {
    c.expect('NULLS')
    result.nulls = nulls
  }
  if (c.take('HAVING')) {
    const how = c.takeOne('MAX', 'MIN')
    if (how === undefined) throw c.unexpected('keyword MAX')
    result.having = { how, of: parseExpression(c) }
  }
  if (c.take('ORDER')) {
    c.expect('BY')
    result.order = orderItems(c)
  }
  if (c.take('LIMIT')) result.limit = parseExpression(c)
}

export function orderItems(c: Cursor): OrderItem[] {
  const items: OrderItem[] = []
  do {
    const of = parseExpression(c)
    const isDescending = c.takeOne('ASC', 'DESC') === 'DESC'
    const nulls = c.take('NULLS') ? c.takeOne('FIRST', 'LAST') : undefined
    items.push({ of, isDescending, ...(nulls !== undefined && { nulls }) })
  } while (c.take(','))
  return items
}

export function windowOf(c: Cursor): Window {
  if (!c.is('(')) return { base: c.name(), partition: [], order: [] }
  c.expect('(')
  const window: Window = { partition: [], order: [] }
  if (c.isName && !c.is('PARTITION')) window.base = c.name()
  if (c.take('PARTITION')) {
    c.expect('BY')
    do window.partition.push(parseExpression(c))
    while (c.take(','))
  }
  if (c.take('ORDER')) {
    c.expect('BY')
    window.order = orderItems(c)
  }
  const unit = c.takeOne('ROWS', 'RANGE')
  if (unit !== undefined) {
    if (c.take('BETWEEN')) {
      const from = frameEnd(c)
      c.expect('AND')
      window.frame = { unit, from, to: frameEnd(c) }
    } else window.frame = { unit, from: frameEnd(c) }
  }
  c.expect(')')
  return window
}

function frameEnd(c: Cursor): FrameEnd {
  if (c.take('CURRENT', 'ROW')) return { how: 'CURRENT ROW' }
  if (c.take('UNBOUNDED')) {
    return {
      how:
        c.takeOne('PRECEDING', 'FOLLOWING') === 'PRECEDING'
          ? 'UNBOUNDED PRECEDING'
          : 'UNBOUNDED FOLLOWING',
    }
  }
  const by = parseExpression(c)
  const how = c.takeOne('PRECEDING', 'FOLLOWING')
  if (how === undefined) throw c.unexpected('keyword PRECEDING')
  return { how, by }
}

export function list(c: Cursor, close: string): Expr[] {
  const items: Expr[] = []
  while (!c.is(close)) {
    items.push(parseExpression(c))
    if (!c.take(',')) break
  }
  c.expect(close)
  return items
}
