// Queries: WITH, SELECT and its clauses, set operations, what stands behind FROM.

import type { Cursor } from './cursor.ts'
import { list, orderItems, parseExpression, startsQuery, windowOf } from './parse-expression.ts'
import { unsupported } from './sql-error.ts'
import type {
  Body,
  Expr,
  From,
  Grouping,
  JoinKind,
  Query,
  Select,
  SelectItem,
  Window,
} from './syntax.ts'

export function parseQuery(c: Cursor): Query {
  const { at } = c
  const ctes: Query['ctes'] = []
  let isRecursive = false
  if (c.take('WITH')) {
    isRecursive = c.take('RECURSIVE')
    do {
      const cteAt = c.at
      const name = c.name()
      c.expect('AS', '(')
      ctes.push({ name, query: parseQuery(c), at: cteAt })
      c.expect(')')
    } while (c.take(','))
  }
  const body = setOperation(c)
  const order = c.take('ORDER') ? (c.expect('BY'), orderItems(c)) : []
  const limit = c.take('LIMIT') ? parseExpression(c) : undefined
  const offset = limit && c.take('OFFSET') ? parseExpression(c) : undefined
  if (c.is('|>')) throw unsupported('pipe syntax', c.at)
  return { at, isRecursive, ctes, body, order, ...(limit && { limit }), ...(offset && { offset }) }
}

function setOperation(c: Cursor): Body {
  let left = operand(c)
  let known: string | undefined
  for (;;) {
    const { at } = c
    const op = c.takeOne('UNION', 'INTERSECT', 'EXCEPT')
    if (op === undefined) return left
    const how = c.takeOne('ALL', 'DISTINCT')
    if (how === undefined) throw c.unexpected('keyword ALL or keyword DISTINCT')
    known ??= op + how
    if (known !== op + how) {
      throw c.unexpected(`parentheses around different set operations`)
    }
    left = { k: 'set', at, op, isAll: how === 'ALL', left, right: operand(c) }
  }
}

function operand(c: Cursor): Body {
  const { at } = c
  if (c.take('(')) {
    const query = parseQuery(c)
    c.expect(')')
    return { k: 'nested', at, query }
  }
  return select(c)
}

function select(c: Cursor): Select {
  const { at } = c
  c.expect('SELECT')
  const isDistinct = c.takeOne('DISTINCT', 'ALL') === 'DISTINCT'
  const as = c.is('AS', 'STRUCT') ? 'STRUCT' : c.is('AS', 'VALUE') ? 'VALUE' : undefined
  if (as !== undefined) c.take('AS', as)
  const items: SelectItem[] = []
  do {
    if (c.is('FROM') || c.token.kind === 'end' || c.is(')')) break
    items.push(selectItem(c))
  } while (c.take(','))
  if (items.length === 0) throw c.unexpected()
  const result: Select = { k: 'select', at, isDistinct, items, windows: {}, ...(as && { as }) }
  if (c.take('FROM')) result.from = fromClause(c)
  if (c.take('WHERE')) result.where = parseExpression(c)
  if (c.take('GROUP')) result.group = grouping(c)
  if (c.take('HAVING')) result.having = parseExpression(c)
  if (c.take('QUALIFY')) result.qualify = parseExpression(c)
  if (c.take('WINDOW')) {
    do {
      const name = c.name()
      c.expect('AS')
      result.windows[name.toLowerCase()] = windowOf(c) satisfies Window
    } while (c.take(','))
  }
  return result
}

function selectItem(c: Cursor): SelectItem {
  const { at } = c
  if (c.take('*')) return { k: 'star', at, ...starRest(c) }
  const value = parseExpression(c)
  if (c.is('.', '*')) {
    c.take('.', '*')
    return { k: 'star', at, of: value, ...starRest(c) }
  }
  const alias = c.alias()
  return { k: 'item', at, value, ...(alias !== undefined && { alias }) }
}

function starRest(c: Cursor): { except: string[]; replace: { name: string; value: Expr }[] } {
  const except: string[] = []
  if (c.is('EXCEPT', '(')) {
    c.take('EXCEPT', '(')
    do except.push(c.name())
    while (c.take(','))
    c.expect(')')
  }
  const replace: { name: string; value: Expr }[] = []
  if (c.is('REPLACE', '(')) {
    c.take('REPLACE', '(')
    do {
      const value = parseExpression(c)
      c.take('AS')
      replace.push({ name: c.name(), value })
    } while (c.take(','))
    c.expect(')')
  }
  return { except, replace }
}

function grouping(c: Cursor): Grouping {
  c.expect('BY')
  if (c.take('ALL')) return { how: 'ALL' }
  const how = c.takeOne('ROLLUP', 'CUBE')
  if (how !== undefined) {
    c.expect('(')
    return { how, items: list(c, ')') }
  }
  if (c.take('GROUPING', 'SETS')) {
    c.expect('(')
    const sets: { how: 'set' | 'ROLLUP' | 'CUBE'; items: Expr[] }[] = []
    do {
      const inner = c.takeOne('ROLLUP', 'CUBE')
      if (c.take('(')) sets.push({ how: inner ?? 'set', items: list(c, ')') })
      else sets.push({ how: 'set', items: [parseExpression(c)] })
    } while (c.take(','))
    c.expect(')')
    return { how: 'SETS', sets }
  }
  const items: Expr[] = []
  do items.push(parseExpression(c))
  while (c.take(','))
  return { how: 'items', items }
}

export function fromClause(c: Cursor): From {
  let left = fromItem(c)
  for (;;) {
    const { at } = c
    if (c.take(',')) {
      left = { k: 'join', at, how: 'CROSS', left, right: fromItem(c) }
      continue
    }
    const how = joinKind(c)
    if (how === undefined) return left
    const right = fromItem(c)
    const join: From = { k: 'join', at, how, left, right }
    if (c.take('ON')) join.on = parseExpression(c)
    else if (c.take('USING')) {
      c.expect('(')
      join.using = []
      do join.using.push(c.name())
      while (c.take(','))
      c.expect(')')
    } else if (how !== 'CROSS' && right.k !== 'unnest' && right.k !== 'table') {
      throw c.unexpected('keyword ON or keyword USING')
    }
    left = join
  }
}

function joinKind(c: Cursor): JoinKind | undefined {
  if (c.take('CROSS')) {
    c.expect('JOIN')
    return 'CROSS'
  }
  const side = c.takeOne('INNER', 'LEFT', 'RIGHT', 'FULL')
  if (side === undefined) return c.take('JOIN') ? 'INNER' : undefined
  if (side !== 'INNER') c.take('OUTER')
  c.expect('JOIN')
  return side
}

function fromItem(c: Cursor): From {
  const item = relation(c)
  if (c.is('TABLESAMPLE')) throw unsupported('TABLESAMPLE', c.at)
  return pivoted(c, item)
}

function relation(c: Cursor): From {
  const { at } = c
  if (c.take('UNNEST')) {
    c.expect('(')
    const array = parseExpression(c)
    c.expect(')')
    const alias = c.is('WITH') ? undefined : c.alias()
    return { k: 'unnest', at, array, ...(alias !== undefined && { alias }), ...offsetOf(c) }
  }
  if (c.is('(')) {
    if (startsQuery(c)) {
      const mark = c.mark()
      c.next()
      try {
        const query = parseQuery(c)
        c.expect(')')
        const alias = c.alias()
        return { k: 'subquery', at, query, ...(alias !== undefined && { alias }) }
      } catch (error) {
        c.back(mark)
        if (c.peek().text !== '(') throw error
      }
    }
    c.expect('(')
    const inner = fromClause(c)
    c.expect(')')
    return inner
  }
  const path = c.tablePath()
  if (c.is('(')) throw unsupported(`the table function ${path.join('.')}`, at)
  let asOf = systemTime(c)
  const alias = c.is('FOR') ? undefined : c.alias()
  asOf ??= systemTime(c)
  if (c.is('WITH', 'OFFSET')) {
    const [name, ...rest] = path
    const array: Expr = { k: 'name', at, path: [name as string, ...rest] }
    return { k: 'unnest', at, array, ...(alias !== undefined && { alias }), ...offsetOf(c) }
  }
  return { k: 'table', at, path, ...(alias !== undefined && { alias }), ...(asOf && { asOf }) }
}

function systemTime(c: Cursor): Expr | undefined {
  if (!c.take('FOR', 'SYSTEM_TIME')) return undefined
  c.expect('AS', 'OF')
  return parseExpression(c)
}

function offsetOf(c: Cursor): { offset?: string } {
  if (!c.take('WITH', 'OFFSET')) return {}
  return { offset: c.alias() ?? 'offset' }
}

function pivoted(c: Cursor, of: From): From {
  const { at } = c
  if (c.is('PIVOT', '(')) {
    c.take('PIVOT', '(')
    const calls: { call: Expr; alias?: string }[] = []
    do {
      const call = parseExpression(c)
      const alias = c.is('FOR') ? undefined : c.alias()
      calls.push({ call, ...(alias !== undefined && { alias }) })
    } while (c.take(','))
    c.expect('FOR')
    const by = ((): Expr => {
      const nameAt = c.at
      const path = [c.name()]
      while (c.take('.')) path.push(c.nameAfterDot())
      return { k: 'name', at: nameAt, path }
    })()
    c.expect('IN', '(')
    const values: { value: Expr; alias?: string }[] = []
    do {
      const value = parseExpression(c)
      const alias = c.alias()
      values.push({ value, ...(alias !== undefined && { alias }) })
    } while (c.take(','))
    c.expect(')', ')')
    const alias = c.alias()
    return { k: 'pivot', at, of, calls, by, values, ...(alias !== undefined && { alias }) }
  }
  if (c.is('UNPIVOT')) {
    c.next()
    const includeNulls = c.takeOne('INCLUDE', 'EXCLUDE') === 'INCLUDE'
    c.take('NULLS')
    c.expect('(')
    if (c.is('(')) throw unsupported('UNPIVOT into several columns', at)
    const value = c.name()
    c.expect('FOR')
    const by = c.name()
    c.expect('IN', '(')
    const columns: { name: string; label?: Expr }[] = []
    do {
      const name = c.name()
      columns.push({ name, ...(c.take('AS') && { label: parseExpression(c) }) })
    } while (c.take(','))
    c.expect(')', ')')
    const alias = c.alias()
    return {
      k: 'unpivot',
      at,
      of,
      includeNulls,
      value,
      by,
      columns,
      ...(alias !== undefined && { alias }),
    }
  }
  return of
}
