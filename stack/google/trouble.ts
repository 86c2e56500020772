// What stands in the way at Google whatever is asked: a login that is not accepted, a permission that is missing, an API that
// is off. REST and gRPC say it in different ways; here it is one sentence with what to do. Pure.

import { messageOf, OperatingError } from '../base/errors.ts'

export type TroubleKind = 'login' | 'permission' | 'api'

export interface Trouble {
  kind: TroubleKind
  /** What a person can do. */
  remedy: string
}

/** What Google's libraries put into an error, as much of it as is looked at. */
interface ClientError {
  code?: unknown
  details?: unknown
  errors?: unknown
  reason?: unknown
}

const unauthenticated: ReadonlySet<unknown> = new Set([16, 401])
const denied: ReadonlySet<unknown> = new Set([7, 403])
const isOff = /SERVICE_DISABLED|accessNotConfigured|has not been used in project/
const isLogin =
  /invalid_grant|invalid_client|unauthorized_client|invalid_rapt|Could not load the default credentials|private key|DECODER routines|does not exist, or it is not a file/
/** Who asks too often is told 403 too. */
const isQuota = /rateLimitExceeded|quotaExceeded|userRateLimitExceeded/

export function troubleOf(error: unknown): Trouble | undefined {
  const { code, details, errors, reason } = (error ?? {}) as ClientError
  const text = [messageOf(error), details, reason, JSON.stringify(errors ?? '')].join(' ')
  if (isOff.test(text)) return { kind: 'api', remedy: `turn it on: ${enabling(text)}` }
  if (unauthenticated.has(code) || isLogin.test(text)) return { kind: 'login', remedy: loggingIn }
  if (denied.has(code) && !isQuota.test(text)) return { kind: 'permission', remedy: permitting }
  return undefined
}

const whats: Record<TroubleKind, string> = {
  login: 'Google does not accept the login',
  permission: 'the account may not do this at Google',
  api: 'an API of Google is off in this project',
}

/** The error as a person is to read it; as it is where it is none of these. */
export function explained(error: unknown): unknown {
  const trouble = troubleOf(error)
  if (!trouble) return error
  return new OperatingError(`${whats[trouble.kind]}: ${messageOf(error)}`, {
    hint: trouble.remedy,
    cause: error,
  })
}

const loggingIn =
  'GOOGLE_APPLICATION_CREDENTIALS is to name the key file of a service account that is not deleted nor disabled, or run `gcloud auth application-default login`'
const permitting =
  'give it the roles that bridge/README.md lists: pubsub.publisher, bigquery.dataEditor and bigquery.jobUser to run; pubsub.editor and bigquery.dataOwner to create'

function enabling(text: string): string {
  const service = /\b(pubsub|bigquery|bigquerystorage)\.googleapis\.com/.exec(text)?.[0]
  return `gcloud services enable ${service ?? 'pubsub.googleapis.com bigquery.googleapis.com bigquerystorage.googleapis.com'}`
}
