// Google's BigQuery clients for one target. Their packages load with the first call, not with this file.

import type { BigQuery } from '@google-cloud/bigquery'
import type { managedwriter } from '@google-cloud/bigquery-storage'
import { checkTarget, standInOf } from './target.ts'
import type { GoogleTarget } from './target.ts'

export interface BigQueryClients {
  /** Datasets, tables, queries, loads. */
  client: BigQuery
  close(): Promise<void>
}

export async function connectBigQuery(
  target: GoogleTarget,
  env: NodeJS.ProcessEnv = {},
  /** False: each call is made once, and who calls tries again. */
  { autoRetry = true } = {},
): Promise<BigQueryClients> {
  checkTarget(target, env)
  const { BigQuery } = await import('@google-cloud/bigquery')
  const { projectId } = target
  if (target.mode === 'google')
    return { client: new BigQuery({ projectId, autoRetry }), close: async () => {} }
  const authClient = await passThrough()
  const apiEndpoint = `http://${standInOf(target, 'bigquery')}`
  const client = new BigQuery({ projectId, autoRetry, authClient, apiEndpoint })
  return { client, close: async () => {} }
}

export type StorageWriter = managedwriter.WriterClient

/** Storage Write. Its append results carry errors that no promise rejects with: look at `error` and `rowErrors`. */
export async function connectStorageWrite(
  target: GoogleTarget,
  env: NodeJS.ProcessEnv = {},
): Promise<StorageWriter> {
  checkTarget(target, env)
  const { managedwriter } = await import('@google-cloud/bigquery-storage')
  const { projectId } = target
  if (target.mode === 'google') return new managedwriter.WriterClient({ projectId })
  const { credentials } = await import('@grpc/grpc-js')
  const address = standInOf(target, 'bigqueryStorage')
  const colon = address.lastIndexOf(':')
  return new managedwriter.WriterClient({
    projectId,
    // The same class in two versions of the package.
    authClient: (await passThrough()) as never,
    apiEndpoint: address.slice(0, colon),
    port: Number(address.slice(colon + 1)),
    sslCreds: credentials.createInsecure(),
    // Of a stand-in that is started again nobody waits two minutes.
    'grpc.max_reconnect_backoff_ms': reconnectMsMax,
  })
}

const reconnectMsMax = 5000

/** Without a login of its own a client looks for Google's metadata server, and may send a real token to a stand-in. */
async function passThrough() {
  const { PassThroughClient } = await import('google-auth-library')
  return new PassThroughClient()
}
