// Logging in.

import { api, neverFlexible } from '../api.ts'
import { since, struct } from '../struct.ts'
import { array, bytes, int16, int64, nullableString, string } from '../types.ts'

export const saslHandshake = api(
  17,
  'SaslHandshake',
  { versions: [0, 1], flexibleFrom: neverFlexible },
  {
    request: struct({ mechanism: string }),
    response: struct({ errorCode: int16, mechanisms: array(string) }),
  },
)

export const saslAuthenticate = api(
  36,
  'SaslAuthenticate',
  { versions: [0, 2], flexibleFrom: 2 },
  {
    request: struct({ authBytes: bytes }),
    response: struct({
      errorCode: int16,
      errorMessage: nullableString,
      authBytes: bytes,
      sessionLifetimeMs: since(1, int64),
    }),
  },
)
