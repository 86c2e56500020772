// What a benchmark tells: a line of the table, or of JSON.

export interface Measurement {
  name: string
  value: number
  unit: string
  note?: string
}
