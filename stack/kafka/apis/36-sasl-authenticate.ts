// SaslAuthenticate, versions 0-2 (1: how long a login holds: always; 2: flexible). After a wrong password the
// connection ends.

import { errorCodes } from '../protocol/errors.ts'
import { saslAuthenticate } from '../protocol/messages/login.ts'
import { failedDelayMs } from '../security/login.ts'
import { route } from './route.ts'

const noBytes = Buffer.alloc(0)

export default route(saslAuthenticate, async ({ authBytes }, call) => {
  const { login, services } = call
  const refused = (errorCode: number, errorMessage: string) => {
    call.endAfterAnswer()
    return { errorCode, errorMessage, authBytes: noBytes, sessionLifetimeMs: 0 }
  }
  if (!login.hasBegun)
    return refused(errorCodes.ILLEGAL_SASL_STATE, 'SaslHandshake has to come before this.')
  const step = login.step(authBytes)
  if (step)
    return {
      errorCode: errorCodes.NONE,
      errorMessage: null,
      authBytes: step.answer,
      sessionLifetimeMs: 0,
    }
  services.logger.warn('a login failed', { from: call.clientHost, clientId: call.clientId })
  await services.clock.sleep(failedDelayMs)
  return refused(errorCodes.SASL_AUTHENTICATION_FAILED, 'Authentication failed: wrong credentials.')
})
