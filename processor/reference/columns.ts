// For tests: how a row of a table is written, and the columns that several tables share (interfaces.md 4).

import type { Fact } from './facts.ts'

export type Row = Record<string, unknown>

/** A row of a table: names of columns, times as text, null for what is absent and for NaN, an amount that is unknown. */
export function row(...parts: object[]): Row {
  const text = JSON.stringify(Object.assign({}, ...parts), (_, value: unknown) => value ?? null)
  const snake = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  const fields = Object.entries(JSON.parse(text) as Row)
  return Object.fromEntries(fields.map(([name, value]) => [snake(name), value]))
}

export const at = (ms = Number.NaN): Date => new Date(ms)

/** Country, device, campaign of a summary: of its first event that has one (interfaces.md 4). */
export function originOf(facts: readonly Fact[]) {
  const country = facts.find((fact) => fact.country)?.country
  const device = facts.find((fact) => fact.device)?.device
  return { country, device, ...campaignOf(facts) }
}

export function campaignOf(facts: readonly Fact[]) {
  const campaigns = facts.flatMap(({ context }) => context?.campaign ?? [])
  const campaign = campaigns.find(
    ({ source, medium, name }) => (source ?? medium ?? name) !== undefined,
  )
  const { source, medium, name } = campaign ?? {}
  return { campaignSource: source, campaignMedium: medium, campaignName: name }
}
