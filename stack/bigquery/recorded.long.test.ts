// What the real BigQuery answered, asked again: the score may only rise, and nothing is wrong without saying so.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { judge } from './recorded.ts'
import type { RecordedCase, Verdict } from './recorded.ts'
import { startBigQuery } from './start.ts'

const archive = join(
  process.env['SLIPWAY_SHARED'] ?? '../shared',
  'data/bigquery-recorded/fixtures.tar.gz',
)
/** Cases answered right; raise it with each that is won. */
const rightAtLeast = 605
/** Errors of the live service that are answered by another error. */
const otherErrors = ['rest_crud/error_invalid_project_format']

test.skipIf(!existsSync(archive))(
  'of the recorded cases enough are right, and none is silently wrong',
  async ({ onTestFinished }) => {
    const folder = mkdtempSync(join(tmpdir(), 'slipway-recorded-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    execFileSync('tar', ['xzf', archive, '-C', folder])
    const server = await startBigQuery()
    onTestFinished(() => server.close())
    const verdicts: [RecordedCase, Verdict][] = []
    for (const [i, recorded] of casesIn(join(folder, 'sql_corpus')).entries())
      verdicts.push([recorded, await judge(server.address, recorded, i)])
    report(verdicts)
    const named = (outcome: Verdict['outcome']) =>
      verdicts
        .filter(([, verdict]) => verdict.outcome === outcome)
        .map(([{ category, name }]) => `${category}/${name}`)
    expect(named('wrong')).toEqual([])
    expect(named('otherError')).toEqual(otherErrors)
    expect(named('right').length).toBeGreaterThanOrEqual(rightAtLeast)
  },
)

/** Without those recorded before BigQuery listed a new dataset. */
function casesIn(root: string): RecordedCase[] {
  return readdirSync(root).flatMap((category) =>
    readdirSync(join(root, category)).flatMap((name) => {
      const folder = join(root, category, name)
      if (name.endsWith('.md')) return []
      const files = Object.fromEntries(
        readdirSync(folder).map((file) => [file, readFileSync(join(folder, file), 'utf8')]),
      )
      const query = files['query.sql']
      return query === undefined || query.includes('INFORMATION_SCHEMA.SCHEMATA')
        ? []
        : [{ name, category, files }]
    }),
  )
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
