// Spreads an amount over lines by weight so that the shares add up exactly: each gets the floor of its share, what is
// left goes a unit at a time to the largest remainders. Products of two amounts exceed 2^53, hence BigInt.

import { compareBytes } from '#stack/contract/order.ts'

export interface Weighted {
  weight: number
  productId: string
  variantId: string | null
}

/** `amount` >= 0 and a weight above 0 somewhere. Ties go by productId, variantId, position. */
export function spread(amount: number, lines: readonly Weighted[]): number[] {
  const total = lines.reduce((sum, { weight }) => sum + BigInt(weight), 0n)
  const shares = lines.map(({ weight }, position) => {
    const product = BigInt(amount) * BigInt(weight)
    return { position, share: Number(product / total), remainder: product % total }
  })
  let left = amount - shares.reduce((sum, { share }) => sum + share, 0)
  const byRemainder = [...shares].sort((a, b) => {
    if (a.remainder !== b.remainder) return a.remainder > b.remainder ? -1 : 1
    return compareLines(lines[a.position] as Weighted, lines[b.position] as Weighted)
  })
  for (const entry of byRemainder) {
    if (left === 0) break
    entry.share++
    left--
  }
  return shares.map(({ share }) => share)
}

/** Sorting is stable, so position comes last by itself. */
function compareLines(a: Weighted, b: Weighted): number {
  return (
    compareBytes(a.productId, b.productId) || compareBytes(a.variantId ?? '', b.variantId ?? '')
  )
}
