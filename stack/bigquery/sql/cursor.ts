// A place in the tokens, and the few questions a parser asks there.

import { tokenize } from './lexer.ts'
import type { Token } from './lexer.ts'
import { SqlError } from './sql-error.ts'
import { typeNamed } from './types.ts'
import type { SqlType } from './types.ts'

/** Words that are no names unless quoted. */
const reserved = new Set(
  `ALL AND ANY ARRAY AS ASC ASSERT_ROWS_MODIFIED AT BETWEEN BY CASE CAST COLLATE CONTAINS CREATE CROSS CUBE CURRENT DEFAULT
  DEFINE DESC DISTINCT ELSE END ENUM ESCAPE EXCEPT EXCLUDE EXISTS EXTRACT FALSE FETCH FOLLOWING FOR FROM FULL GROUP
  GROUPING GROUPS HASH HAVING IF IGNORE IN INNER INTERSECT INTERVAL INTO IS JOIN LATERAL LEFT LIKE LIMIT LOOKUP MERGE
  NATURAL NEW NO NOT NULL NULLS OF ON OR ORDER OUTER OVER PARTITION PRECEDING PROTO QUALIFY RANGE RECURSIVE RESPECT RIGHT
  ROLLUP ROWS SELECT SET SOME STRUCT TABLESAMPLE THEN TO TREAT TRUE UNBOUNDED UNION UNNEST USING WHEN WHERE WINDOW WITH
  WITHIN`.split(/\s+/),
)

export class Cursor {
  readonly sql: string
  #tokens: Token[]
  #i = 0
  positions = 0

  constructor(sql: string) {
    this.sql = sql
    this.#tokens = tokenize(sql)
  }

  get token(): Token {
    return this.#tokens[this.#i] as Token
  }

  peek(ahead = 1): Token {
    return this.#tokens[Math.min(this.#i + ahead, this.#tokens.length - 1)] as Token
  }

  get at(): number {
    return this.token.at
  }

  get lastEnd(): number {
    return this.#i === 0 ? 0 : (this.#tokens[this.#i - 1] as Token).end
  }

  mark(): number {
    return this.#i
  }

  back(mark: number): void {
    this.#i = mark
  }

  next(): Token {
    const token = this.token
    if (token.kind !== 'end') this.#i++
    return token
  }

  /** The next tokens are these words or symbols. */
  is(...words: string[]): boolean {
    return words.every((word, i) => this.peek(i).upper === word)
  }

  /** Takes them, if they are there. */
  take(...words: string[]): boolean {
    if (!this.is(...words)) return false
    this.#i += words.length
    return true
  }

  takeOne<T extends string>(...words: T[]): T | undefined {
    const found = words.find((word) => this.token.upper === word)
    if (found !== undefined) this.#i++
    return found
  }

  expect(...words: string[]): void {
    for (const word of words) {
      if (!this.take(word))
        throw this.unexpected(word.length === 1 ? `"${word}"` : `keyword ${word}`)
    }
  }

  unexpected(expected?: string): SqlError {
    const { kind, text, upper, at } = this.token
    const got =
      kind === 'end'
        ? 'end of script'
        : kind === 'string'
          ? `string literal "${text}"`
          : kind === 'int'
            ? `integer literal "${text}"`
            : kind === 'name' && reserved.has(upper)
              ? `keyword ${upper}`
              : kind === 'name' || kind === 'quoted'
                ? `identifier "${text}"`
                : `"${text}"`
    const wanted =
      expected === undefined ? `Unexpected ${got}` : `Expected ${expected} but got ${got}`
    return new SqlError(`Syntax error: ${wanted}`, at)
  }

  get isName(): boolean {
    const { kind, upper } = this.token
    return kind === 'quoted' || (kind === 'name' && !reserved.has(upper))
  }

  isReserved(word: string): boolean {
    return reserved.has(word)
  }

  name(what = 'identifier'): string {
    if (!this.isName) throw this.unexpected(what)
    return this.next().text
  }

  /** Behind a dot every word is a name. */
  nameAfterDot(): string {
    const { kind } = this.token
    if (kind !== 'name' && kind !== 'quoted' && kind !== 'int') throw this.unexpected('identifier')
    return this.next().text
  }

  /** `a.b`, `a-b.c`, with quoted parts that may hold dots of their own. */
  tablePath(): string[] {
    const parts: string[] = []
    const quotedFirst = this.token.kind === 'quoted'
    let first = this.name('table name')
    const isDashed = (): boolean =>
      !quotedFirst &&
      this.token.text === '-' &&
      this.token.at === this.lastEnd &&
      this.peek().at === this.token.end
    while (isDashed()) {
      this.next()
      first += `-${this.next().text}`
    }
    parts.push(...(quotedFirst ? first.split('.') : [first]))
    while (this.take('.')) {
      const isQuoted = this.peek(0).kind === 'quoted'
      let part = this.nameAfterDot()
      if (this.peek(0).text === '*' && this.token.at === this.lastEnd) part += this.next().text
      parts.push(...(isQuoted ? part.split('.') : [part]))
    }
    return parts
  }

  alias(): string | undefined {
    if (this.take('AS')) return this.name('alias')
    if (
      this.is('PIVOT', '(') ||
      this.is('UNPIVOT', '(') ||
      (this.is('UNPIVOT') && this.peek().upper.endsWith('CLUDE'))
    )
      return undefined
    return this.isName ? this.next().text : undefined
  }

  type(): SqlType {
    const { at, text } = this.token
    if (this.take('ARRAY')) {
      this.expect('<')
      const of = this.type()
      this.#closeAngle()
      return { name: 'ARRAY', of }
    }
    if (this.take('STRUCT')) {
      this.expect('<')
      const fields: { name: string; type: SqlType }[] = []
      while (this.token.text !== '>' && this.token.text !== '>>') {
        const isNamed =
          this.isName && (this.peek().kind === 'name' || this.peek().kind === 'quoted')
        const name = isNamed ? this.next().text : ''
        fields.push({ name, type: this.type() })
        if (!this.take(',')) break
      }
      this.#closeAngle()
      return { name: 'STRUCT', fields }
    }
    const name = this.token.upper === 'INTERVAL' ? 'INTERVAL' : typeNamed(text)
    if (name === undefined || this.token.kind !== 'name')
      throw new SqlError(`Type not found: ${text}`, at)
    this.next()
    if (!this.take('(')) return { name }
    const parameters: string[] = []
    do parameters.push(this.next().text)
    while (this.take(','))
    this.expect(')')
    return { name, parameters: parameters.join(', ') }
  }

  /** `>>` closes two types. */
  #closeAngle(): void {
    if (this.token.text === '>>') {
      const { at, end } = this.token
      const half = { kind: 'symbol', text: '>', upper: '>' } as const
      this.#tokens.splice(this.#i, 1, { ...half, at, end: at + 1 }, { ...half, at: at + 1, end })
    }
    this.expect('>')
  }
}
