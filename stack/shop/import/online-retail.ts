// UCI Online Retail II as Parquet (events.md 3.1): the lines of one invoice are one purchase at the invoice's first
// date; an invoice `C…` is a refund of its lines' sum, an orphan, since it names no order. Lines that sell nothing
// (quantity or price not above zero) and bad-debt invoices `A…` are left out and counted. Prices keep their exact
// decimals in `extra`; the item has them in pence. DuckDB reads the file; it is loaded only here.

import type { DuckDBConnection } from '@duckdb/node-api'
import { OperatingError } from '#stack/base/errors.ts'
import { minorUnits } from '#stack/contract/money.ts'
import type { ShopEvent } from '#stack/contract/events.ts'
import { invariant } from '#stack/base/invariant.ts'
import { judgedEntry } from './entry.ts'
import type { Entry, Source } from './entry.ts'

interface InvoiceLine {
  code: string
  name: string | null
  quantity: number
  /** Exact: at most three decimals. */
  price: string
  date: string
}

interface Invoice {
  id: string
  customer: string | null
  country: string | null
  firstDate: string
  lines: InvoiceLine[]
}

const sourceName = 'uci-online-retail-ii'
const currency = 'GBP'
const columns = [
  'Invoice',
  'StockCode',
  'Description',
  'Quantity',
  'InvoiceDate',
  'Price',
  'Customer ID',
  'Country',
]

export async function* readOnlineRetail(source: Source): AsyncIterable<Entry[]> {
  const { DuckDBInstance } = await import('@duckdb/node-api')
  const instance = await DuckDBInstance.create(':memory:', {
    threads: '1',
    memory_limit: '512MB',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  })
  const connection = await instance.connect()
  try {
    yield* invoiceEntries(connection, source)
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

async function* invoiceEntries(
  connection: DuckDBConnection,
  source: Source,
): AsyncIterable<Entry[]> {
  await checkColumns(connection, source.path)
  const result = await connection.stream(linesSql, { path: source.path })
  let open: Invoice | undefined
  let position = 0
  const close = (invoice: Invoice | undefined): Entry[] => {
    const event = invoice === undefined ? undefined : invoiceEvent(invoice, source)
    return event === undefined ? [] : [judgedEntry(event, source, position++)]
  }
  for (;;) {
    const chunk = await result.fetchChunk()
    if (chunk === null || chunk.rowCount === 0) break
    const entries: Entry[] = []
    for (const row of chunk.getRows() as Row[]) {
      const [id, code, name, quantity, price, date, customer, country] = row
      if (id !== open?.id) {
        entries.push(...close(open))
        open = { id, customer, country, firstDate: date, lines: [] }
      }
      if (date < open.firstDate) open.firstDate = date
      open.lines.push({ code, name, quantity: Number(quantity), price, date })
    }
    yield entries
  }
  yield close(open)
}

type Row = [
  id: string,
  code: string,
  name: string | null,
  quantity: bigint,
  price: string,
  date: string,
  customer: string | null,
  country: string | null,
]

/** The lines of one invoice behind one another, in the order of the file; prices by their shortest decimal text. */
const linesSql = `
  SELECT
    "Invoice", "StockCode", "Description", "Quantity", CAST("Price" AS VARCHAR), "InvoiceDate",
    CAST(CAST("Customer ID" AS BIGINT) AS VARCHAR), "Country"
  FROM read_parquet($path, file_row_number = true)
  ORDER BY "Invoice", file_row_number`

async function checkColumns(connection: DuckDBConnection, path: string): Promise<void> {
  const described = await connection.runAndReadAll('DESCRIBE SELECT * FROM read_parquet($path)', {
    path,
  })
  const found = described.getRows().map(([name]) => String(name))
  const missing = columns.filter((column) => !found.includes(column))
  if (missing.length === 0) return
  throw new OperatingError(`the Parquet file has no column ${missing.join(', ')}`, {
    where: path,
    hint: 'Parquet is read in the form of UCI Online Retail II only',
  })
}

function invoiceEvent(invoice: Invoice, { tally }: Source): ShopEvent | undefined {
  tally.read += invoice.lines.length
  if (invoice.id.startsWith('A')) {
    tally.leaveOut('lines of bad-debt invoices', invoice.lines.length)
    return undefined
  }
  return invoice.id.startsWith('C') ? refundOf(invoice, tally) : purchaseOf(invoice, tally)
}

function purchaseOf(invoice: Invoice, tally: Source['tally']): ShopEvent | undefined {
  const lines = invoice.lines.filter(({ quantity, price }) => quantity > 0 && Number(price) > 0)
  tally.leaveOut('lines that sell nothing', invoice.lines.length - lines.length)
  if (lines.length === 0) {
    tally.leaveOut('invoices without a line that sells')
    return undefined
  }
  const items = lines.map(({ code, name, quantity, price }) => ({
    productId: code,
    ...(name === null ? {} : { name }),
    quantity,
    unitPriceMinor: pence(price),
  }))
  const isRounded = lines.some(({ price }) => minorUnits(price, 2)?.rounded)
  return {
    ...envelope(invoice),
    name: 'purchase',
    data: { orderId: invoice.id, currency, items },
    ...(isRounded ? { flags: ['rounded'] } : {}),
    extra: {
      ...extraOf(invoice),
      unitPrices: lines.map(({ price }) => price),
      ...lineDatesOf(invoice, lines),
    },
  }
}

function refundOf(invoice: Invoice, tally: Source['tally']): ShopEvent | undefined {
  // In thousandths of a pound, which every price has exactly.
  const thousandths = invoice.lines.reduce((sum, { quantity, price }) => {
    const amount = minorUnits(price, 3)
    invariant(amount !== undefined && !amount.rounded, `a price of three decimals, not ${price}`)
    return sum - quantity * amount.minor
  }, 0)
  if (thousandths <= 0) {
    tally.leaveOut('cancellations that take money instead of giving it back', invoice.lines.length)
    return undefined
  }
  const amountMinor = Math.round(thousandths / 10)
  return {
    ...envelope(invoice),
    name: 'refund',
    data: { orderId: invoice.id, refundId: invoice.id, amountMinor, currency },
    ...(thousandths % 10 === 0 ? {} : { flags: ['rounded'] }),
    extra: extraOf(invoice),
  }
}

function envelope({ id, customer, firstDate }: Invoice) {
  const time = isoOf(firstDate)
  return {
    schemaVersion: '1.0',
    eventId: id,
    eventTime: time,
    receivedAt: time,
    source: sourceName,
    dialect: 'native' as const,
    ...(customer === null ? { anonymousId: `invoice:${id}` } : { userId: customer }),
  }
}

function extraOf({ country }: Invoice): Record<string, unknown> {
  return country === null ? {} : { country }
}

/** Where lines of one invoice differ in their dates: from which place in `items` on each date holds. */
function lineDatesOf(
  { firstDate }: Invoice,
  lines: readonly InvoiceLine[],
): Record<string, unknown> {
  if (lines.every(({ date }) => date === firstDate)) return {}
  const lineDates = lines.flatMap(({ date }, index) =>
    date === lines[index - 1]?.date ? [] : [{ from: index, at: isoOf(date) }],
  )
  return { lineDates }
}

function pence(price: string): number {
  const amount = minorUnits(price, 2)
  invariant(amount !== undefined, `a price above zero, not ${price}`)
  return amount.minor
}

/** `2009-12-01 07:45:00`, taken as UTC. */
function isoOf(date: string): string {
  return `${date.replace(' ', 'T')}.000Z`
}
