// Subscription filters: which messages a subscription receives, by their attributes.
//
//   expression := term (AND term)* | term (OR term)*        AND and OR mix in parentheses only
//   term       := [NOT | -] ( "(" expression ")" | predicate )
//   predicate  := attributes ":" key | attributes "." key ("=" | "!=") string | hasPrefix(attributes "." key, string)
//   key        := word | string                              a key with a dot is quoted: attributes."kafka.topic"
//
// https://cloud.google.com/pubsub/docs/subscription-message-filter

import { filterBytes } from './limits.ts'
import { invalid } from './refused.ts'

export type Attributes = ReadonlyMap<string, string>
export type Filter = (attributes: Attributes) => boolean

export function parseFilter(text: string): Filter {
  if (Buffer.byteLength(text) > filterBytes) {
    throw invalid(`The filter is longer than ${filterBytes} bytes.`)
  }
  const parser = new Parser(text)
  const filter = parser.expression()
  parser.end()
  return filter
}

const token =
  /\s*(?:("(?:[^"\\]|\\.)*")|(!=|[():=.,-])|([A-Za-z_][A-Za-z0-9_]*(?:-[A-Za-z0-9_]+)*))/y

interface Token {
  kind: 'string' | 'sign' | 'word'
  text: string
}

class Parser {
  readonly #source: string
  #at = 0
  #next: Token | undefined

  constructor(source: string) {
    this.#source = source
    this.#read()
  }

  expression(): Filter {
    const terms = [this.#term()]
    const joint = this.#next?.text
    if (joint !== 'AND' && joint !== 'OR') return terms[0] as Filter
    while (this.#next?.text === 'AND' || this.#next?.text === 'OR') {
      if (this.#next.text !== joint) this.#fail('AND and OR need parentheses between them')
      this.#read()
      terms.push(this.#term())
    }
    return joint === 'AND'
      ? (attributes) => terms.every((term) => term(attributes))
      : (attributes) => terms.some((term) => term(attributes))
  }

  end(): void {
    if (this.#next) this.#fail(`"${this.#next.text}" is not expected`)
  }

  #term(): Filter {
    if (this.#take('NOT') || this.#take('-')) {
      const term = this.#term()
      return (attributes) => !term(attributes)
    }
    if (this.#take('(')) {
      const inner = this.expression()
      this.#expect(')')
      return inner
    }
    return this.#predicate()
  }

  #predicate(): Filter {
    if (this.#take('hasPrefix')) {
      this.#expect('(')
      this.#expect('attributes')
      this.#expect('.')
      const key = this.#key()
      this.#expect(',')
      const prefix = this.#string()
      this.#expect(')')
      return (attributes) => attributes.get(key)?.startsWith(prefix) ?? false
    }
    this.#expect('attributes')
    if (this.#take(':')) {
      const key = this.#key()
      return (attributes) => attributes.has(key)
    }
    this.#expect('.')
    const key = this.#key()
    const isEqual = this.#take('=')
    if (!isEqual) this.#expect('!=')
    const value = this.#string()
    return (attributes) => (attributes.get(key) === value) === isEqual
  }

  #key(): string {
    if (this.#next?.kind === 'string') return this.#string()
    if (this.#next?.kind !== 'word') return this.#fail('the key of an attribute is expected')
    const key = this.#next.text
    this.#read()
    return key
  }

  #string(): string {
    if (this.#next?.kind !== 'string') return this.#fail('a string in double quotes is expected')
    const quoted = this.#next.text
    this.#read()
    return quoted.slice(1, -1).replaceAll(/\\(.)/g, '$1')
  }

  #take(text: string): boolean {
    if (this.#next?.kind === 'string' || this.#next?.text !== text) return false
    this.#read()
    return true
  }

  #expect(text: string): void {
    if (!this.#take(text)) this.#fail(`"${text}" is expected`)
  }

  #read(): void {
    token.lastIndex = this.#at
    const match = token.exec(this.#source)
    if (!match) {
      if (this.#source.slice(this.#at).trim() !== '') this.#fail('this is no part of a filter')
      this.#next = undefined
      return
    }
    const [, string, sign, word] = match
    this.#at = token.lastIndex
    if (string !== undefined) this.#next = { kind: 'string', text: string }
    else if (sign !== undefined) this.#next = { kind: 'sign', text: sign }
    else this.#next = { kind: 'word', text: word as string }
  }

  #fail(why: string): never {
    throw invalid(`Invalid filter at character ${this.#at}: ${why}. Filter: ${this.#source}`)
  }
}
