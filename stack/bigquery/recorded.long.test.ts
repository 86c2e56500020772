// What the real BigQuery answered, asked again: the score may only rise, and nothing is wrong without saying so. Of requests
// over HTTP and gRPC each that is not answered as recorded is listed with the reason.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { judge } from './recorded.ts'
import type { RecordedCase, Verdict } from './recorded.ts'
import { judgeCalls, judgeRequest } from './recorded-calls.ts'
import { startBigQuery } from './start.ts'

const archive = join(
  process.env['SLIPWAY_SHARED'] ?? '../shared',
  'data/bigquery-recorded/fixtures.tar.gz',
)
const isMissing = !existsSync(archive)
/** Cases answered right; raise it with each that is won. */
const rightAtLeast = 605
/** Errors of the live service that are answered by another error. */
const otherErrors = ['rest_crud/error_invalid_project_format']

const ownOrder =
  'columns that are detected stand as they come in the file, not in the order of a hash'
const noStorageRead = 'Storage Read is not there'
const notAsRecorded: Record<string, string> = {
  'jobs/upload_multipart_json_autodetect_nested_new_table': ownOrder,
  'jobs/upload_multipart_json_autodetect_new_table': ownOrder,
  'storage_read/read_session_avro_nested_struct': noStorageRead,
  'storage_read/read_session_avro_split_read_stream': noStorageRead,
  'storage_read/read_session_avro_with_projection': noStorageRead,
  'storage_read/sr_arrow_compression_lz4_frame': noStorageRead,
  'storage_read/sr_arrow_compression_zstd': noStorageRead,
  'storage_read/sr_column_projection': noStorageRead,
  'storage_read/sr_create_session_multi_stream': noStorageRead,
  'storage_read/sr_create_session_one_stream': noStorageRead,
  'storage_read/sr_empty_table': noStorageRead,
  'storage_read/sr_row_filter_simple': noStorageRead,
  'storage_read/sr_split_read_stream': noStorageRead,
}

test.skipIf(isMissing)(
  'of the recorded cases enough are right, and none is silently wrong',
  async () => {
    const { server, folder } = await opened()
    const verdicts: [RecordedCase, Verdict][] = []
    for (const [i, recorded] of casesIn(join(folder, 'sql_corpus')).filter(isAsked).entries())
      verdicts.push([recorded, await judge(server.address, recorded, i)])
    report(verdicts)
    expect(named(verdicts, 'wrong')).toEqual([])
    expect(named(verdicts, 'otherError')).toEqual(otherErrors)
    expect(named(verdicts, 'right').length).toBeGreaterThanOrEqual(rightAtLeast)
  },
)

test.skipIf(isMissing)(
  'requests over HTTP and gRPC are answered as recorded, but for those listed',
  async () => {
    const { server, folder } = await opened()
    const verdicts: [RecordedCase, Verdict][] = []
    for (const [corpus, judgeOne] of [
      ['http_corpus', judgeRequest],
      ['grpc_corpus', judgeCalls],
    ] as const) {
      for (const recorded of casesIn(join(folder, corpus))) {
        const datasetId = `recorded_${verdicts.length}`
        const { address: rest, storageAddress: storage } = server
        const place = { rest, storage, project: 'test', datasetId }
        verdicts.push([recorded, await judgeOne(place, recorded)])
      }
    }
    report(verdicts)
    const others = verdicts.filter(([, { outcome }]) => outcome !== 'right')
    expect(others.map(([{ category, name }]) => `${category}/${name}`).sort()).toEqual(
      Object.keys(notAsRecorded).sort(),
    )
    expect(verdicts.length).toBeGreaterThan(40)
  },
)

async function opened() {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-recorded-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  execFileSync('tar', ['xzf', archive, '-C', folder])
  const server = await startBigQuery()
  onTestFinished(() => server.close())
  return { server, folder }
}

function casesIn(root: string): RecordedCase[] {
  return readdirSync(root).flatMap((category) =>
    readdirSync(join(root, category)).flatMap((name) => {
      const folder = join(root, category, name)
      if (name.endsWith('.md')) return []
      const files = Object.fromEntries(
        readdirSync(folder).map((file) => [file, readFileSync(join(folder, file), 'utf8')]),
      )
      return [{ name, category, files }]
    }),
  )
}

/** Not those recorded before BigQuery listed a new dataset. */
const isAsked = ({ files }: RecordedCase): boolean =>
  files['query.sql'] !== undefined && !files['query.sql'].includes('INFORMATION_SCHEMA.SCHEMATA')

function named(
  verdicts: readonly [RecordedCase, Verdict][],
  outcome: Verdict['outcome'],
): string[] {
  return verdicts
    .filter(([, verdict]) => verdict.outcome === outcome)
    .map(([{ category, name }]) => `${category}/${name}`)
}

function report(verdicts: readonly [RecordedCase, Verdict][]): void {
  const outcomes = ['right', 'refused', 'wrong', 'otherError'] as const
  const categories = [...new Set(verdicts.map(([{ category }]) => category))]
  const lines = categories.map((category) => {
    const counts = outcomes.map(
      (outcome) =>
        `${outcome} ${verdicts.filter(([recorded, verdict]) => recorded.category === category && verdict.outcome === outcome).length}`,
    )
    return `${category}: ${counts.join(', ')}`
  })
  const left = verdicts
    .filter(([, { outcome }]) => outcome !== 'right')
    .map(
      ([{ category, name }, { outcome, reason }]) =>
        `${outcome}: ${category}/${name} — ${reason.slice(0, 160)}`,
    )
  process.stdout.write(`${[...left, ...lines].join('\n')}\n`)
}
