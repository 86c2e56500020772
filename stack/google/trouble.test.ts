import { expect, test } from 'vitest'
import { explained, troubleOf } from './trouble.ts'

const failure = (message: string, more: object = {}) => Object.assign(new Error(message), more)

test.each([
  ['a token that is refused, over gRPC', failure('16 UNAUTHENTICATED: no', { code: 16 }), 'login'],
  ['a token that is refused, over REST', failure('no', { code: 401 }), 'login'],
  ['a key that is not known', failure('invalid_grant: Invalid JWT Signature.'), 'login'],
  ['no key at all', failure('Could not load the default credentials. Browse to …'), 'login'],
  ['no permission, over gRPC', failure('7 PERMISSION_DENIED: no', { code: 7 }), 'permission'],
  [
    'no permission, over REST',
    failure('Access Denied', { code: 403, errors: [{ reason: 'accessDenied' }] }),
    'permission',
  ],
  [
    'an API that is off, over gRPC',
    failure('7 PERMISSION_DENIED: Cloud Pub/Sub API has not been used in project 7 before', {
      code: 7,
    }),
    'api',
  ],
  [
    'an API that is off, over REST',
    failure('off', { code: 403, errors: [{ reason: 'accessNotConfigured' }] }),
    'api',
  ],
  [
    'too many requests',
    failure('no', { code: 403, errors: [{ reason: 'rateLimitExceeded' }] }),
    undefined,
  ],
  ['a topic that is missing', failure('5 NOT_FOUND', { code: 5 }), undefined],
  ['a socket', failure('read ECONNRESET', { code: 'ECONNRESET' }), undefined],
])('%s is told apart', (_, error, kind) => {
  expect(troubleOf(error)?.kind).toBe(kind)
})

test('an API that is off is named in what to do, and what is something else stays as it is', () => {
  const off = failure('it is off: https://console…/api/pubsub.googleapis.com/overview', {
    reason: 'SERVICE_DISABLED',
  })
  expect(explained(off)).toMatchObject({
    hint: 'turn it on: gcloud services enable pubsub.googleapis.com',
  })
  const other = failure('read ECONNRESET')
  expect(explained(other)).toBe(other)
})
