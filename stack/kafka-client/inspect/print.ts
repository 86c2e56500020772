// Rows for a person: aligned columns, numbers to the right. Rows for a program: one JSON object a line.

export type Row = Record<string, string | number | null>

export function printRows(rows: readonly Row[], { json }: { json: boolean }): string {
  if (json) return rows.map((row) => `${JSON.stringify(row)}\n`).join('')
  const [first] = rows
  if (first === undefined) return ''
  const columns = Object.keys(first)
  const lines = [columns.map(headOf), ...rows.map((row) => columns.map((name) => cell(row[name])))]
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => (line[i] ?? '').length)))
  const isNumber = columns.map((name) => rows.some((row) => typeof row[name] === 'number'))
  return lines
    .map((line) => {
      const padded = line.map((text, i) =>
        isNumber[i] ? text.padStart(widths[i] ?? 0) : text.padEnd(widths[i] ?? 0),
      )
      return `${padded.join('  ').trimEnd()}\n`
    })
    .join('')
}

/** `lagRecords` → `lag records`. */
function headOf(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
}

function cell(value: string | number | null | undefined): string {
  if (value === null || value === undefined) return '-'
  return typeof value === 'number' ? value.toLocaleString('en') : value
}
