// What verify found, in lines for people: a sentence for the whole, a line for each table that is not equal, each row that is
// named and each figure that differs.

import { hourMs, isoTime } from '#stack/base/units.ts'
import type { FigureParity, Figures } from './metric-parity.ts'
import type { UnequalHour } from './parity.ts'
import type { RowDifference, TableParity } from './table-parity.ts'
import type { VerifyReport } from './verify.ts'

export function reportLines({
  isEqual,
  isBehind,
  epoch,
  asOfSeq,
  tables,
  figures,
}: VerifyReport): string[] {
  const rows = tables.reduce((sum, table) => sum + table.rows.history, 0)
  const what = `${rows} rows of ${tables.length} tables and ${figures.length} figures, as of _seq ${asOfSeq} of epoch ${epoch}`
  if (isEqual) return [`equal: ${what}`]
  return [
    `not equal: ${what}`,
    ...(isBehind ? ['BigQuery is behind: `slipway bridge status` says what lane B waits for'] : []),
    ...tables.filter((table) => !table.isEqual).flatMap(tableLines),
    ...figures.filter((figure) => !figure.isEqual).map(figureLine),
  ]
}

function tableLines({ table, rows, hours, differences }: TableParity): string[] {
  const [first] = hours
  const more = hours.length > 1 ? `, and ${hours.length - 1} hours more` : ''
  return [
    `${table}: ${rows.history} rows in history, ${rows.bigquery} in BigQuery`,
    ...(first ? [`  ${hourText(first)}${more}`] : []),
    ...differences.map((difference) => `  ${rowText(difference)}`),
  ]
}

function hourText({ hour, outcome, history, bigquery }: UnequalHour): string {
  const when = hour === null ? 'rows without a time' : `the hour of ${isoTime(hour * hourMs)}`
  return `${when}: ${outcome}, ${history} rows and ${bigquery}`
}

function rowText({ seq, key, outcome, columns }: RowDifference): string {
  const cells = columns.map(
    ({ name, history, bigquery }) => `${name} is ${history} in history, ${bigquery} in BigQuery`,
  )
  return [`row ${key} (_seq ${seq}) is ${outcome}`, ...cells].join('; ')
}

function figureLine({ metric, currency, history, bigquery }: FigureParity): string {
  const of = currency === null ? metric : `${metric} in ${currency}`
  return `${of}: ${figureText(history)} in history, ${figureText(bigquery)} in BigQuery`
}

function figureText({ numerator, denominator }: Figures): string {
  return denominator === 0 ? String(numerator) : `${numerator} of ${denominator}`
}
