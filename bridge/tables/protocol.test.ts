import { describe, expect, test } from 'vitest'
import { Random } from '#stack/base/random.ts'
import { afterFinalize, afterStreamGone, appendVerdict, apply, codes } from './protocol.ts'
import type { AppendReply, Fact, Intent, Ship } from './protocol.ts'

const intent = { offset: 10, rows: 5, seqFrom: 101, seqTo: 107 }
const refused = (code: number): AppendReply => ({
  kind: 'refused',
  code,
  message: '',
  rowErrors: [],
})
const lost = (code: number): AppendReply => ({ kind: 'lost', code, message: '' })

describe('the reply to an append', () => {
  test('that names the offset which was asked for says that the rows landed', () => {
    const verdict = appendVerdict(intent, { kind: 'accepted', offset: 10 }, 1)
    expect(verdict).toEqual({ verdict: 'landed', wasThere: false })
  })
  test('ALREADY_EXISTS says so too, but only after a try of our own', () => {
    expect(appendVerdict(intent, refused(codes.alreadyExists), 2)).toEqual({
      verdict: 'landed',
      wasThere: true,
    })
    expect(appendVerdict(intent, refused(codes.alreadyExists), 1).verdict).toBe('finalize')
    expect(appendVerdict(intent, lost(codes.alreadyExists), 2).verdict).toBe('finalize')
  })
  test.each([
    ['OUT_OF_RANGE', refused(codes.outOfRange)],
    ['an error of the whole connection that says OUT_OF_RANGE', lost(codes.outOfRange)],
    ['NOT_FOUND', refused(codes.notFound)],
    ['INVALID_ARGUMENT, as a finalized stream answers', refused(codes.invalidArgument)],
    ['another offset', { kind: 'accepted', offset: 15 } as const],
    ['no offset', { kind: 'accepted', offset: null } as const],
  ])('%s is never guessed about: the stream is finalized', (_what, reply) => {
    for (const tries of [1, 2]) expect(appendVerdict(intent, reply, tries).verdict).toBe('finalize')
  })
  test.each([4, 1, 2, 10, 13, 14, 16, 7])('of status %i leaves everything open', (code) => {
    expect(appendVerdict(intent, lost(code), 1)).toMatchObject({ verdict: 'again', isQuota: false })
  })
  test('that the quota is used up slows the sender down', () => {
    const verdict = appendVerdict(intent, refused(codes.resourceExhausted), 1)
    expect(verdict).toMatchObject({ verdict: 'again', isQuota: true })
  })
  test('that names rows takes these out', () => {
    const rowErrors = [{ index: 2, message: 'bad' }]
    const reply = { ...refused(codes.invalidArgument), rowErrors } as AppendReply
    expect(appendVerdict(intent, reply, 1)).toEqual({ verdict: 'without', rowErrors })
  })
})

describe('the row count of a finalized stream', () => {
  const ship: Ship = {
    epoch: 1,
    shippedSeq: 100,
    stream: { name: 's', createdMs: 0, next: 10 },
    intent,
    load: null,
    lastLoadMs: 0,
  }
  test('tells whether the open intent landed', () => {
    expect(afterFinalize(ship, 15)).toEqual([{ fact: 'landed' }, { fact: 'closed' }])
    expect(afterFinalize(ship, 10)).toEqual([{ fact: 'not-landed' }, { fact: 'closed' }])
  })
  test('of more rows than anybody here knows of sends us to the table', () => {
    expect(afterFinalize(ship, 16)).toBe('ask the table')
    expect(afterFinalize({ ...ship, intent: null }, 15)).toBe('ask the table')
  })
  test('that covers an intent in part, or fewer rows than had landed, is an alarm', () => {
    for (const rows of [9, 12]) expect(afterFinalize(ship, rows)).toHaveProperty('alarm')
  })
  test('of a stream that is gone is told by the table', () => {
    expect(afterStreamGone(ship, { rows: 0, maxSeq: null })[0 as never]).toEqual({
      fact: 'not-landed',
    })
    expect(afterStreamGone(ship, { rows: 5, maxSeq: 106 })[0 as never]).toEqual({ fact: 'landed' })
    expect(afterStreamGone(ship, { rows: 3, maxSeq: 104 })).toHaveProperty('alarm')
  })
})

/** A stream that answers as it likes, and keeps what it promises: an append is whole, an offset is taken once. */
class ModelStream {
  isFinalized = false
  rows: number[] = []

  append(offset: number, rows: readonly number[]): AppendReply {
    if (this.isFinalized) return refused(codes.invalidArgument)
    if (offset < this.rows.length) return refused(codes.alreadyExists)
    if (offset > this.rows.length) return refused(codes.outOfRange)
    this.rows.push(...rows)
    return { kind: 'accepted', offset }
  }
}

describe('whatever is lost and whenever the process dies', () => {
  test('every row lands once, in order', () => {
    for (let seed = 0; seed < 300; seed++) {
      expect([seed, landedRows(new Random(seed))]).toEqual([seed, everyRow])
    }
  })
})

const rowCount = 40
const everyRow = Array.from({ length: rowCount }, (_, i) => i + 1)

/** The rows that are in the streams after a life, or many, of everything that can go wrong. */
function landedRows(random: Random): number[] {
  const streams: ModelStream[] = []
  let ship = apply(undefined, { fact: 'shipping', epoch: 1, shippedSeq: 0 })
  /** What a new life knows: some facts that need no sync may be gone. */
  let synced = ship
  for (let steps = 0; ship.shippedSeq < rowCount && steps < 2000; steps++) {
    if (random.chance(0.1)) die()
    if (!ship.stream) {
      streams.push(new ModelStream())
      record({ fact: 'stream', name: `s${streams.length}`, createdMs: 0 })
    }
    const rows = Math.min(1 + random.int(5), rowCount - ship.shippedSeq)
    const seqFrom = ship.shippedSeq + 1
    const { next } = ship.stream as { next: number }
    const made = { offset: next, rows, seqFrom, seqTo: seqFrom + rows - 1 }
    record({ fact: 'intent', ...made })
    sendUntilSettled(made)
  }
  return streams.flatMap(({ rows }) => rows)

  function record(fact: Fact): void {
    ship = apply(ship, fact)
    if (fact.fact !== 'landed' || random.chance(0.5)) synced = ship
  }

  function close(): void {
    const stream = streams.at(-1)
    if (!ship.stream || !stream) return
    stream.isFinalized = true
    const facts = afterFinalize(ship, stream.rows.length)
    if (!Array.isArray(facts)) throw new Error(JSON.stringify(facts))
    for (const fact of facts) record(fact)
  }

  function die(): void {
    ship = synced
    close()
  }

  function sendUntilSettled(made: Intent): void {
    const values = Array.from({ length: made.rows }, (_, i) => made.seqFrom + i)
    for (let tries = 1; ; tries++) {
      if (random.chance(0.1)) return die()
      const reply = oddReply(streams.at(-1) as ModelStream, made.offset, values)
      if (random.chance(0.1)) return die()
      const { verdict } = appendVerdict(made, reply, tries)
      if (verdict === 'landed') return record({ fact: 'landed' })
      if (verdict === 'finalize') return close()
    }
  }

  function oddReply(stream: ModelStream, offset: number, values: number[]): AppendReply {
    if (random.chance(0.2)) return lost(random.pick([14, 4, 11, 5, 8]))
    const reply = stream.append(offset, values)
    return random.chance(0.3) ? lost(random.pick([14, 4, 11, 6, 5])) : reply
  }
}
