// A running history, shipped by lane B into an embedded BigQuery of this process, and verified: for tests that have a history.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '#stack/base/clock.ts'
import { silentLogger } from '#stack/base/logger.ts'
import { Metrics } from '#stack/base/metrics.ts'
import { startBigQuery } from '#stack/bigquery/start.ts'
import { connectBigQuery } from '#stack/google/bigquery.ts'
import type { BigQueryClients } from '#stack/google/bigquery.ts'
import { startTablesLane } from '../tables/start.ts'
import { createTables, targetOf } from '../tables/testing.ts'
import { verify } from './verify.ts'
import type { VerifyReport } from './verify.ts'

export interface BothSides extends AsyncDisposable {
  dataset: string
  client: BigQueryClients['client']
  verify(waitMs?: number): Promise<VerifyReport>
}

export async function bothSides(history: string): Promise<BothSides> {
  const server = await startBigQuery()
  const target = targetOf(server)
  const { client } = await connectBigQuery(target)
  const dataset = 'slipway'
  await createTables(client, dataset)
  const dataDir = mkdtempSync(join(tmpdir(), 'slipway-both-sides-'))
  const lane = await startTablesLane({
    history,
    target,
    dataset,
    dataDir,
    metrics: new Metrics(),
    logger: silentLogger,
    clock: systemClock,
    errors: { report: (error) => Promise.reject(new Error(JSON.stringify(error))) },
    pollMs: 100,
  })
  return {
    dataset,
    client,
    verify: (waitMs = 240_000) => verify({ history, target, dataset, clock: systemClock, waitMs }),
    async [Symbol.asyncDispose]() {
      await lane.close()
      await server.close()
      rmSync(dataDir, { recursive: true })
    },
  }
}
