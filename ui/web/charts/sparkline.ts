// The path of a sparkline: shape only, from zero up, with a break where data is missing. Pure.

export const sparkWidth = 96
export const sparkHeight = 28

export function sparkPath(values: readonly number[]): string {
  const known = values.filter((value) => !Number.isNaN(value))
  if (known.length < 2) return ''
  const max = Math.max(...known)
  const min = Math.min(0, ...known)
  const span = max - min || 1
  let path = ''
  let pen = 'M'
  for (const [i, value] of values.entries()) {
    if (Number.isNaN(value)) {
      pen = 'M'
      continue
    }
    const x = (i / (values.length - 1)) * sparkWidth
    const y = sparkHeight - 2 - ((value - min) / span) * (sparkHeight - 4)
    path += `${pen}${x.toFixed(1)} ${y.toFixed(1)}`
    pen = 'L'
  }
  return path
}
