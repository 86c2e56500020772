import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Api } from './api.ts'
import { apiTable } from './messages/index.ts'
import { elementsMax, MalformedError, Reader } from './reader.ts'
import { arbitraryValue } from './sample-message.ts'
import type { FieldType, Version } from './types.ts'
import { Writer } from './writer.ts'

function versionsOf(api: Api<unknown, unknown>): Version[] {
  return Array.from({ length: api.to - api.from + 1 }, (_, i) => {
    const number = api.from + i
    return { number, flexible: number >= api.flexibleFrom }
  })
}

function encode<T>(type: FieldType<T>, value: T, version: Version): Buffer {
  const writer = new Writer(16)
  type.write(writer, value, version)
  expect(writer.length).toBe(Buffer.concat(writer.buffers()).length)
  return Buffer.concat(writer.buffers())
}

const readOrRefused = /^(read|MalformedError)$/

function outcomeOf(read: () => unknown): string {
  try {
    read()
    return 'read'
  } catch (error) {
    return (error as Error).name
  }
}

const cases = apiTable.flatMap((api) =>
  versionsOf(api).flatMap((version) =>
    (['request', 'response'] as const).map((side) => ({
      name: `${api.name} ${side} ${version.number}`,
      type: api[side],
      version,
    })),
  ),
)

describe('every message of the table', () => {
  test.each(cases)('$name is read back as it was written', ({ type, version }) => {
    const values = arbitraryValue(type.shape, version.number, version.flexible)
    fc.assert(
      fc.property(values, (value) => {
        const reader = new Reader(encode(type, value, version))
        expect(type.read(reader, version)).toMatchObject(value as object)
        expect(reader.remaining).toBe(0)
      }),
      { numRuns: 20 },
    )
  })

  test.each(cases)(
    '$name cut or changed anywhere is read or refused, nothing else',
    ({ type, version }) => {
      const values = arbitraryValue(type.shape, version.number, version.flexible)
      fc.assert(
        fc.property(values, fc.nat(), fc.nat(255), fc.boolean(), (value, at, byte, cut) => {
          const whole = encode(type, value, version)
          const position = whole.length === 0 ? 0 : at % whole.length
          const broken = cut ? whole.subarray(0, position) : Buffer.from(whole)
          if (!cut && whole.length > 0) broken[position] = byte
          expect(outcomeOf(() => type.read(new Reader(broken), version))).toMatch(readOrRefused)
        }),
        { numRuns: 20 },
      )
    },
  )

  test.each(cases)('$name refuses noise without allocating beyond it', ({ type, version }) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const reader = new Reader(Buffer.from(bytes))
        expect(outcomeOf(() => type.read(reader, version))).toMatch(readOrRefused)
        expect(reader.position).toBeLessThanOrEqual(bytes.length)
      }),
      { numRuns: 20 },
    )
  })
})

describe('the table', () => {
  test('names every API and key once', () => {
    expect(new Set(apiTable.map((api) => api.key)).size).toBe(apiTable.length)
    expect(new Set(apiTable.map((api) => api.name)).size).toBe(apiTable.length)
  })

  test('advertises no version below those that old clients probe', () => {
    // kafkajs takes the highest common version and never looks at the lowest; librdkafka before 2.11.1 tests exact ones.
    const probed: Record<string, number> = {
      Produce: 0,
      Fetch: 4,
      ListOffsets: 1,
      Metadata: 0,
      OffsetCommit: 2,
      OffsetFetch: 1,
      FindCoordinator: 0,
      JoinGroup: 0,
      SyncGroup: 0,
      Heartbeat: 0,
      LeaveGroup: 0,
      InitProducerId: 0,
      CreatePartitions: 0,
      AlterConfigs: 0,
    }
    for (const [name, version] of Object.entries(probed)) {
      expect(apiTable.find((api) => api.name === name)?.advertisedFrom).toBe(version)
    }
  })
})

describe('an array', () => {
  const metadata = apiTable.find((api) => api.name === 'Metadata') as Api<unknown, unknown>

  test('that promises more elements than there are bytes is refused', () => {
    const frame = Buffer.alloc(8)
    frame.writeInt32BE(2 ** 31 - 1, 0)
    expect(() => metadata.request.read(new Reader(frame), { number: 1, flexible: false })).toThrow(
      MalformedError,
    )
  })

  test('of very many tiny elements is refused although the bytes are there', () => {
    const frame = Buffer.alloc((elementsMax + 1) * 2 + 4)
    frame.writeInt32BE(elementsMax + 1, 0)
    expect(() => metadata.request.read(new Reader(frame), { number: 1, flexible: false })).toThrow(
      MalformedError,
    )
  })
})
