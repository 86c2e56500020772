// GoogleSQL text to tokens: names, quoted names, numbers, strings with all their escapes, parameters, symbols.

import { SqlError } from './sql-error.ts'

export type TokenKind =
  | 'name'
  | 'quoted'
  | 'int'
  | 'float'
  | 'string'
  | 'bytes'
  | 'param'
  | 'symbol'
  | 'end'

export interface Token {
  kind: TokenKind
  /** Of strings and quoted names what they mean; of the rest what is written. */
  text: string
  /** Of names and symbols, for comparing. */
  upper: string
  at: number
  end: number
}

const symbols = [
  '<=>',
  '|>',
  '<<',
  '>>',
  '<=',
  '>=',
  '<>',
  '!=',
  '||',
  '=>',
  '@@',
  '(',
  ')',
  '[',
  ']',
  '{',
  '}',
  ',',
  '.',
  ';',
  ':',
  '+',
  '-',
  '*',
  '/',
  '=',
  '<',
  '>',
  '&',
  '|',
  '^',
  '~',
  '?',
  '@',
  '%',
]

export function tokenize(sql: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  const push = (kind: TokenKind, text: string, end: number): void => {
    tokens.push({
      kind,
      text,
      upper: kind === 'name' || kind === 'symbol' ? text.toUpperCase() : '',
      at,
      end,
    })
    at = end
  }
  for (;;) {
    at = skipSpace(sql, at)
    if (at >= sql.length) break
    const rest = sql.slice(at, at + 64)
    const quote = /^(r|b|rb|br)?("""|'''|"|')/i.exec(rest)
    if (quote) {
      const { text, end } = readString(sql, at, quote[1] ?? '', quote[2] as string)
      push(/b/i.test(quote[1] ?? '') ? 'bytes' : 'string', text, end)
      continue
    }
    if (rest[0] === '`') {
      const end = sql.indexOf('`', at + 1)
      if (end < 0) throw new SqlError('Unclosed identifier literal', at)
      push('quoted', unescape(sql.slice(at + 1, end), at, false), end + 1)
      continue
    }
    const number = readNumber(sql, at, tokens.at(-1))
    if (number !== undefined) {
      push(
        /^0x/i.test(number) || /^\d+$/.test(number) ? 'int' : 'float',
        number,
        at + number.length,
      )
      continue
    }
    const param = /^@[A-Za-z_]\w*/.exec(rest)
    if (param) {
      push('param', param[0].slice(1), at + param[0].length)
      continue
    }
    const name = /^[\p{L}_][\p{L}\p{N}_]*/u.exec(sql.slice(at, at + 400))
    if (name) {
      push('name', name[0], at + name[0].length)
      continue
    }
    const symbol = symbols.find((each) => rest.startsWith(each))
    if (symbol === undefined)
      throw new SqlError(`Syntax error: Illegal input character "${rest[0]}"`, at)
    push('symbol', symbol, at + symbol.length)
  }
  tokens.push({ kind: 'end', text: 'end of script', upper: '', at: sql.length, end: sql.length })
  return tokens
}

function skipSpace(sql: string, from: number): number {
  let at = from
  for (;;) {
    const space = /^\s+/u.exec(sql.slice(at, at + 2000))
    if (space) at += space[0].length
    else if (sql.startsWith('--', at) || sql[at] === '#') {
      const end = sql.indexOf('\n', at)
      at = end < 0 ? sql.length : end + 1
    } else if (sql.startsWith('/*', at)) {
      const end = sql.indexOf('*/', at + 2)
      if (end < 0) throw new SqlError('Syntax error: Unclosed comment', at)
      at = end + 2
    } else return at
  }
}

/** Behind a dot stands a name, also one that begins with digits; `1.5` after a name is a path, not a number. */
function readNumber(sql: string, at: number, before: Token | undefined): string | undefined {
  const isPath = before?.text === '.' && before.end === at
  if (isPath) return undefined
  const match = /^(0x[0-9a-f]+|(\d+\.?\d*|\.\d+)(e[+-]?\d+)?)/i.exec(sql.slice(at, at + 400))
  return match?.[0]
}

function readString(
  sql: string,
  at: number,
  prefix: string,
  quote: string,
): { text: string; end: number } {
  const start = at + prefix.length + quote.length
  let end = start
  while (!sql.startsWith(quote, end)) {
    if (end >= sql.length || (quote.length === 1 && sql[end] === '\n')) {
      throw new SqlError(
        `Syntax error: Unclosed ${quote.length === 3 ? 'triple-quoted ' : ''}string literal`,
        at,
      )
    }
    end += sql[end] === '\\' ? 2 : 1
  }
  const body = sql.slice(start, end)
  const isBytes = /b/i.test(prefix)
  const text = /r/i.test(prefix) ? body : unescape(body, at, isBytes)
  return { text: isBytes ? latin(text, /r/i.test(prefix)) : text, end: end + quote.length }
}

/** Bytes as a text of one character each. */
function latin(text: string, isRaw: boolean): string {
  if (isRaw) return Buffer.from(text, 'utf8').toString('latin1')
  return Array.from(text)
    .map((c) =>
      (c.codePointAt(0) as number) < 256 ? c : Buffer.from(c, 'utf8').toString('latin1'),
    )
    .join('')
}

const simple: Record<string, string> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '?': '?',
  '"': '"',
  "'": "'",
  '`': '`',
}

function unescape(body: string, at: number, isBytes: boolean): string {
  return body.replace(
    /\\(x[0-9a-fA-F]{2}|X[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|[^])/gu,
    (_, code: string) => {
      const known = code.length === 1 ? simple[code] : undefined
      if (known !== undefined) return known
      if (/^[uU]/.test(code) && code.length > 1 && !isBytes) {
        return String.fromCodePoint(Number.parseInt(code.slice(1), 16))
      }
      if (/^[xX]../.test(code)) return String.fromCharCode(Number.parseInt(code.slice(1), 16))
      if (/^[0-7]{3}$/.test(code)) return String.fromCharCode(Number.parseInt(code, 8))
      throw new SqlError(`Syntax error: Illegal escape sequence: \\${code}`, at)
    },
  )
}
