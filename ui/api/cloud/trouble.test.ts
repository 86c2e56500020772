// What is said of each way in which BigQuery has no answer, and which command mends it.

import { expect, test } from 'vitest'
import { cloudOff, nothingThere, troubleOf } from './trouble.ts'

const google = { mode: 'google', projectId: 'shop-prod', dataset: 'slipway' } as const
const emulator = { mode: 'emulator', projectId: 'slipway-local', dataset: 'slipway' } as const
const failure = (message: string, code?: number | string) =>
  Object.assign(new Error(message), { code })

test.each([
  [failure('connect ECONNREFUSED 127.0.0.1:9050'), emulator, 'unreachable', 'npm start -- --cloud'],
  [failure('BigQuery did not answer in 15 s'), google, 'unreachable', 'curl'],
  [failure('request failed', 'ENOTFOUND'), google, 'unreachable', 'curl'],
  [failure('Service Unavailable', 503), google, 'unreachable', 'curl'],
  [failure('Could not load the default credentials.'), google, 'login', 'gcloud auth'],
  [failure('invalid_grant: account not found', 400), google, 'login', 'gcloud auth'],
  [failure('Request had invalid authentication', 401), google, 'login', 'gcloud auth'],
  [
    failure('BigQuery API has not been used in project 1 before or it is disabled', 403),
    google,
    'api',
    'gcloud services enable',
  ],
  [
    failure('Access Denied: User does not have bigquery.jobs.create permission', 403),
    google,
    'permission',
    'roles/bigquery.jobUser',
  ],
  [failure('Not found: Dataset shop-prod:slipway', 404), google, 'missing', 'apply --cloud google'],
  [failure('Not found: Table slipway-local:slipway.events_log', 404), emulator, 'missing', 'apply'],
  [failure('Syntax error: Unexpected keyword', 400), google, 'other', 'bridge status'],
] as const)('%o', (error, place, kind, command) => {
  const trouble = troubleOf(error, place)
  expect(trouble.kind).toBe(kind)
  expect(trouble.steps.map((step) => step.command).join('\n')).toContain(command)
  // The words of Google's service stay readable.
  expect(trouble.says).toContain(error.message)
})

test('of Pub/Sub what it needs is said, in the words of gRPC', () => {
  const said = (message: string, code: number) =>
    troubleOf(failure(message, code), google, 'Pub/Sub')
  expect(said('7 PERMISSION_DENIED: User not authorized', 7)).toMatchObject({
    kind: 'permission',
    steps: [{ command: expect.stringContaining('roles/pubsub.editor') }],
  })
  const off = said('7 PERMISSION_DENIED: Cloud Pub/Sub API has not been used in project 1', 7)
  expect(off.title).toBe('The API of Pub/Sub is off')
  expect(said('5 NOT_FOUND: Resource not found', 5).kind).toBe('missing')
  expect(said('14 UNAVAILABLE: No connection established', 14).title).toBe(
    'Pub/Sub does not answer',
  )
})

test('off and empty have their next step, too', () => {
  expect(cloudOff.steps[0]?.command).toBe('npm start -- --cloud emulator')
  expect(nothingThere(google).steps[0]?.command).toContain('bridge status --cloud google')
})
