// SaslHandshake, versions 0-1: the mechanism of the login that follows by SaslAuthenticate. After version 0 the tokens
// would come without any header, which no client of these years does: it is answered UNSUPPORTED_VERSION.

import { errorCodes } from '../protocol/errors.ts'
import { saslHandshake } from '../protocol/messages/login.ts'
import { mechanisms } from '../security/login.ts'
import { route } from './route.ts'

export default route(saslHandshake, ({ mechanism }, { login, version }) => {
  if (!login.isDue) return { errorCode: errorCodes.ILLEGAL_SASL_STATE, mechanisms: [] }
  if (version === 0) return { errorCode: errorCodes.UNSUPPORTED_VERSION, mechanisms }
  const errorCode = login.begin(mechanism) ? errorCodes.NONE : errorCodes.UNSUPPORTED_SASL_MECHANISM
  return { errorCode, mechanisms }
})
