// The login of one connection: first the mechanism, then its exchange. Until it ends well nothing else is served.

import { Scram } from './scram.ts'
import type { Step } from './scram.ts'
import { scramHashes } from './users.ts'
import type { ScramMechanism, Users } from './users.ts'

export const mechanisms = ['PLAIN', ...(Object.keys(scramHashes) as ScramMechanism[])]

/** Served to everybody: SaslHandshake, ApiVersions, SaslAuthenticate. */
const openApiKeys = [17, 18, 36]

/** A wrong password is answered a little later, and the connection ends: guessing takes time. */
export const failedDelayMs = 100

type Exchange = (token: Buffer) => Step

export class Login {
  readonly #users: Users | undefined
  #exchange: Exchange | undefined
  #isBare = false
  #user: string | undefined

  /** Without users nobody has to log in, and nobody can. */
  constructor(users: Users | undefined) {
    this.#users = users
  }

  /** A mechanism is expected now. */
  get isDue(): boolean {
    return this.#users !== undefined && this.#user === undefined
  }

  serves(apiKey: number): boolean {
    return !this.isDue || openApiKeys.includes(apiKey)
  }

  /** The next frame is a token and nothing else: so it was before there was SaslAuthenticate. */
  get takesBareToken(): boolean {
    return this.hasBegun && this.#isBare
  }

  /** False for a mechanism that is not known. */
  begin(mechanism: string, { isBare = false } = {}): boolean {
    const users = this.#users
    if (!users || !mechanisms.includes(mechanism)) return false
    this.#isBare = isBare
    if (mechanism === 'PLAIN') this.#exchange = (token) => plain(token, users)
    else {
      const scram = new Scram(mechanism as ScramMechanism, users)
      this.#exchange = (token) => scram.step(token)
    }
    return true
  }

  get hasBegun(): boolean {
    return this.#exchange !== undefined
  }

  step(token: Buffer): Step {
    const step = this.#exchange?.(token)
    if (step?.user !== undefined || !step) this.#exchange = undefined
    this.#user = step?.user
    return step
  }
}

/** authorization id, NUL, user, NUL, password (RFC 4616). */
function plain(token: Buffer, users: Users): Step {
  const [authorizationId, user, password, ...more] = token.toString().split('\0')
  if (user === undefined || password === undefined || more.length > 0) return undefined
  if (authorizationId !== '' && authorizationId !== user) return undefined
  return users.hasPassword(user, password) ? { answer: Buffer.alloc(0), user } : undefined
}
