// The shape of parsed GoogleSQL.

import type { SqlType } from './types.ts'

export type Expr = { at: number } & (
  | { k: 'literal'; type: string; value: string }
  | { k: 'name'; path: string[] }
  | { k: 'field'; of: Expr; name: string }
  | { k: 'index'; of: Expr; how: IndexKind; index: Expr }
  | Call
  | { k: 'unary'; op: string; of: Expr }
  | { k: 'binary'; op: string; left: Expr; right: Expr }
  | { k: 'is'; of: Expr; what: 'NULL' | 'TRUE' | 'FALSE'; not: boolean }
  | { k: 'distinctFrom'; left: Expr; right: Expr; not: boolean }
  | { k: 'between'; of: Expr; low: Expr; high: Expr; not: boolean }
  | { k: 'in'; of: Expr; list?: Expr[]; query?: Query; array?: Expr; not: boolean }
  | { k: 'like'; of: Expr; pattern: Expr; not: boolean }
  | { k: 'likeAny'; of: Expr; how: 'ANY' | 'ALL'; patterns: Expr[]; not: boolean }
  | { k: 'case'; of?: Expr; whens: { when: Expr; value: Expr }[]; otherwise?: Expr }
  | { k: 'cast'; of: Expr; type: SqlType; isSafe: boolean; format?: Expr; zone?: Expr }
  | { k: 'extract'; part: string; weekday?: string; of: Expr; zone?: Expr }
  | { k: 'interval'; value: Expr; part: string }
  | { k: 'array'; type?: SqlType; items: Expr[] }
  | { k: 'arrayQuery'; query: Query }
  | { k: 'struct'; type?: SqlType; fields: { name?: string; value: Expr }[] }
  | { k: 'query'; query: Query }
  | { k: 'exists'; query: Query }
  | { k: 'param'; name?: string; position?: number }
  | { k: 'star' }
)

export type IndexKind = 'OFFSET' | 'ORDINAL' | 'SAFE_OFFSET' | 'SAFE_ORDINAL' | 'plain'

export interface Call {
  k: 'call'
  at: number
  name: string
  isSafe: boolean
  args: Expr[]
  named: Record<string, Expr>
  isDistinct: boolean
  nulls?: 'IGNORE' | 'RESPECT'
  having?: { how: 'MAX' | 'MIN'; of: Expr }
  order?: OrderItem[]
  limit?: Expr
  over?: Window
}

export interface OrderItem {
  of: Expr
  isDescending: boolean
  nulls?: 'FIRST' | 'LAST'
}

export interface Window {
  base?: string
  partition: Expr[]
  order: OrderItem[]
  frame?: { unit: 'ROWS' | 'RANGE'; from: FrameEnd; to?: FrameEnd }
}

export interface FrameEnd {
  how: 'UNBOUNDED PRECEDING' | 'UNBOUNDED FOLLOWING' | 'CURRENT ROW' | 'PRECEDING' | 'FOLLOWING'
  by?: Expr
}

export interface Query {
  at: number
  isRecursive: boolean
  ctes: { name: string; query: Query; at: number }[]
  body: Body
  order: OrderItem[]
  limit?: Expr
  offset?: Expr
}

export type Body =
  | Select
  | {
      k: 'set'
      at: number
      op: 'UNION' | 'INTERSECT' | 'EXCEPT'
      isAll: boolean
      left: Body
      right: Body
    }
  | { k: 'nested'; at: number; query: Query }

export interface Select {
  k: 'select'
  at: number
  isDistinct: boolean
  as?: 'STRUCT' | 'VALUE'
  items: SelectItem[]
  from?: From
  where?: Expr
  group?: Grouping
  having?: Expr
  qualify?: Expr
  windows: Record<string, Window>
}

export type Grouping =
  | { how: 'items'; items: Expr[] }
  | { how: 'ROLLUP' | 'CUBE'; items: Expr[] }
  | { how: 'SETS'; sets: { how: 'set' | 'ROLLUP' | 'CUBE'; items: Expr[] }[] }
  | { how: 'ALL' }

export type SelectItem =
  | { k: 'star'; at: number; of?: Expr; except: string[]; replace: { name: string; value: Expr }[] }
  | { k: 'item'; at: number; value: Expr; alias?: string }

export type From = { at: number } & (
  | { k: 'table'; path: string[]; alias?: string; asOf?: Expr }
  | { k: 'subquery'; query: Query; alias?: string }
  | { k: 'unnest'; array: Expr; alias?: string; offset?: string }
  | { k: 'join'; how: JoinKind; left: From; right: From; on?: Expr; using?: string[] }
  | {
      k: 'pivot'
      of: From
      calls: { call: Expr; alias?: string }[]
      by: Expr
      values: { value: Expr; alias?: string }[]
      alias?: string
    }
  | {
      k: 'unpivot'
      of: From
      includeNulls: boolean
      value: string
      by: string
      columns: { name: string; label?: Expr }[]
      alias?: string
    }
)

export type JoinKind = 'INNER' | 'LEFT' | 'RIGHT' | 'FULL' | 'CROSS'

export interface ColumnDefinition {
  name: string
  type: SqlType
  isRequired: boolean
  defaultSql?: string
  options: Record<string, OptionValue>
}

export type OptionValue = string | number | boolean | null | [string, string][]

export type Statement =
  | { k: 'query'; query: Query }
  | {
      k: 'insert'
      at: number
      table: string[]
      columns?: string[]
      query?: Query
      rows?: (Expr | 'DEFAULT')[][]
    }
  | {
      k: 'update'
      at: number
      table: string[]
      alias?: string
      set: Assignment[]
      from?: From
      where: Expr
    }
  | { k: 'delete'; at: number; table: string[]; alias?: string; where: Expr }
  | { k: 'truncate'; at: number; table: string[] }
  | {
      k: 'merge'
      at: number
      table: string[]
      alias?: string
      source: From
      on: Expr
      whens: MergeWhen[]
    }
  | CreateTable
  | {
      k: 'createView'
      at: number
      name: string[]
      mode: CreateMode
      columns?: string[]
      query: Query
      text: string
      options: Record<string, OptionValue>
    }
  | {
      k: 'createSchema'
      at: number
      name: string[]
      mode: CreateMode
      options: Record<string, OptionValue>
    }
  | {
      k: 'drop'
      at: number
      what: 'TABLE' | 'VIEW' | 'SCHEMA' | 'SNAPSHOT TABLE'
      name: string[]
      ifExists: boolean
      isCascade: boolean
    }
  | { k: 'alter'; at: number; table: string[]; ifExists: boolean; changes: AlterChange[] }

export type CreateMode = 'plain' | 'orReplace' | 'ifNotExists'

export interface CreateTable {
  k: 'createTable'
  at: number
  name: string[]
  mode: CreateMode
  isTemp: boolean
  columns?: ColumnDefinition[]
  like?: string[]
  copyOf?: string[]
  partition?: { text: string; field?: string; unit?: string; range?: [string, string, string] }
  cluster?: string[]
  options: Record<string, OptionValue>
  query?: Query
}

export interface Assignment {
  path: string[]
  value: Expr | 'DEFAULT'
  at: number
}

export interface MergeWhen {
  matched: 'MATCHED' | 'NOT MATCHED' | 'NOT MATCHED BY SOURCE'
  and?: Expr
  action:
    | { k: 'update'; set: Assignment[] }
    | { k: 'delete' }
    | { k: 'insert'; columns?: string[]; values: (Expr | 'DEFAULT')[] }
    | { k: 'insertRow' }
}

export type AlterChange =
  | { k: 'add'; column: ColumnDefinition; ifNotExists: boolean }
  | { k: 'drop'; name: string; ifExists: boolean }
  | { k: 'rename'; name: string; to: string; ifExists: boolean }
  | { k: 'type'; name: string; type: SqlType }
  | { k: 'nullable'; name: string }
  | { k: 'options'; options: Record<string, OptionValue> }
  | { k: 'renameTable'; to: string }
