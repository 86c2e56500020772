// One statement's translation: what tables there are, what parameters were given, what time it is, and the views that
// were met on the way, which stand in front of the statement as common table expressions.

import { checkExpansion } from './expansion.ts'
import { expression } from './expressions.ts'
import { Cursor } from './cursor.ts'
import { parseQuery } from './parse-query.ts'
import { translateQuery } from './queries.ts'
import { emptyScope } from './scope.ts'
import type { Scope, Translated, Typed } from './scope.ts'
import { SqlError } from './sql-error.ts'
import type { Expr, Query } from './syntax.ts'
import type { SqlType } from './types.ts'

export interface TableColumn {
  name: string
  type: SqlType
  isRequired: boolean
  defaultSql?: string
}

/** What a path in FROM stands for. */
export type Resolved =
  | { k: 'table'; id: string; duckName: string; columns: TableColumn[]; partitionColumn?: string }
  | { k: 'view'; id: string; query: string; columns?: string[] }
  /** Made up from what the server knows: INFORMATION_SCHEMA. */
  | { k: 'rows'; sql: string; columns: { name: string; type: SqlType }[] }
  | { k: 'wildcard'; tables: { suffix: string; duckName: string; columns: TableColumn[] }[] }

export interface Catalog {
  resolve(path: readonly string[], at: number): Resolved
}

export class Translator {
  readonly catalog: Catalog
  readonly now: string
  readonly #parameters: { named: Map<string, Typed>; positional: Typed[] }
  readonly #views = new Map<string, { name: string; translated: Translated }>()
  readonly #viewSql: string[] = []
  readonly #open = new Set<string>()
  #count = 0
  isDeterministic = true
  readonly tables = new Set<string>()

  constructor(
    catalog: Catalog,
    { named, positional, nowMs }: { named: Map<string, Typed>; positional: Typed[]; nowMs: number },
  ) {
    this.catalog = catalog
    this.#parameters = { named, positional }
    this.now = `make_timestamptz(${Math.round(nowMs * 1000)})`
  }

  fresh(prefix: string): string {
    this.#count++
    return `${prefix}${this.#count}`
  }

  query(query: Query, scope?: Scope): Translated {
    return translateQuery(this, query, scope)
  }

  expression(e: Expr, scope: Scope): Typed {
    return expression(this, e, scope)
  }

  parameter({ name, position, at }: Expr & { k: 'param' }): Typed {
    const found =
      name === undefined
        ? this.#parameters.positional[position as number]
        : this.#parameters.named.get(name.toLowerCase())
    if (found) return found
    throw new SqlError(
      name === undefined
        ? 'Query parameters are fewer than the question marks'
        : `Query parameter '${name}' not found`,
      at,
    )
  }

  view({ id, query, columns }: Resolved & { k: 'view' }): { name: string; translated: Translated } {
    const known = this.#views.get(id)
    if (known) return known
    if (this.#open.has(id)) throw new SqlError(`View ${id} refers to itself`)
    this.#open.add(id)
    const inner = translateQuery(this, parseQuery(new Cursor(query)), emptyScope())
    this.#open.delete(id)
    const translated = columns
      ? {
          ...inner,
          columns: inner.columns.map(({ type }, i) => ({ name: columns[i] as string, type })),
        }
      : inner
    const view = { name: this.fresh('v'), translated }
    this.#viewSql.push(`${view.name} AS (${inner.sql})`)
    this.#views.set(id, view)
    return view
  }

  /** With the views in front. */
  complete(sql: string): string {
    const whole = this.#viewSql.length === 0 ? sql : `WITH ${this.#viewSql.join(', ')} ${sql}`
    checkExpansion(whole)
    return whole
  }
}
