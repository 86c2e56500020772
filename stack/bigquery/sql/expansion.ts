// How large a statement is once DuckDB has put macros' bodies in their places: an argument stands there as often as the
// body names it, so calls within calls grow by a power of their depth. What would keep DuckDB busy for minutes before the
// first row is refused before it is asked.

import { macros } from './macros.ts'
import { SqlError } from './sql-error.ts'

/** Some seconds of DuckDB's planning. */
const wordsMax = 100_000

export function checkExpansion(sql: string): void {
  if (expandedWords(sql) <= wordsMax) return
  throw new SqlError(
    'Query is too complex for the embedded BigQuery: functions stand within functions too deeply. Split it by WITH, a step at a time',
  )
}

/** Words and signs of the statement with all macros expanded. */
export function expandedWords(sql: string): number {
  return new Reading(sql, new Map()).toEnd()
}

const pattern = /'(?:[^']|'')*'|"(?:[^"]|"")*"|\w+|[^\s\w]/g

class Reading {
  readonly #words: readonly string[]
  /** What each parameter of the macro's body stands for, in words. */
  readonly #parameters: ReadonlyMap<string, number>
  #at = 0

  constructor(text: string, parameters: ReadonlyMap<string, number>) {
    this.#words = text.match(pattern) ?? []
    this.#parameters = parameters
  }

  toEnd(): number {
    let sum = 0
    while (this.#at < this.#words.length) sum += this.#next()
    return sum
  }

  #next(): number {
    const word = this.#words[this.#at++] as string
    const macro = macros.get(word)
    if (!macro || this.#words[this.#at] !== '(') return this.#parameters.get(word) ?? 1
    this.#at++
    const given = this.#arguments()
    const parameters = new Map(macro.parameters.map((name, i) => [name, given[i] ?? 0]))
    return new Reading(macro.body, parameters).toEnd()
  }

  /** Up to the bracket that closes the call. */
  #arguments(): number[] {
    const sums = [0]
    for (let depth = 0; this.#at < this.#words.length;) {
      const word = this.#words[this.#at]
      if (word === ')' && depth === 0) {
        this.#at++
        break
      }
      if (word === ',' && depth === 0) {
        this.#at++
        sums.push(0)
        continue
      }
      if (word === '(' || word === '[') depth++
      if (word === ')' || word === ']') depth--
      sums[sums.length - 1] = (sums.at(-1) as number) + this.#next()
    }
    return sums
  }
}
