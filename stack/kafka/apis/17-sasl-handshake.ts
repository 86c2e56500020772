// SaslHandshake, versions 0-1: the mechanism of the login that follows, by SaslAuthenticate, or after version 0 by bare
// tokens, a frame each without any header (connection.ts).

import { errorCodes } from '../protocol/errors.ts'
import { saslHandshake } from '../protocol/messages/login.ts'
import { mechanisms } from '../security/login.ts'
import { route } from './route.ts'

export default route(saslHandshake, ({ mechanism }, { login, version }) => {
  if (!login.isDue) return { errorCode: errorCodes.ILLEGAL_SASL_STATE, mechanisms: [] }
  const isKnown = login.begin(mechanism, { isBare: version === 0 })
  const errorCode = isKnown ? errorCodes.NONE : errorCodes.UNSUPPORTED_SASL_MECHANISM
  return { errorCode, mechanisms }
})
