// The server's side of SCRAM (RFC 5802), without channel binding:
//
//   client  n,,n=<user>,r=<nonce>                     server  r=<nonce><more>,s=<salt>,i=<iterations>
//   client  c=biws,r=<nonce><more>,p=<proof>          server  v=<signature>
//
// The proof shows that the client knows the password, the signature that the server does.

import { randomBytes, timingSafeEqual } from 'node:crypto'
import { hash, hmac } from './users.ts'
import type { Credential, ScramMechanism, Users } from './users.ts'

/** Undefined where the client is refused. */
export type Step = { answer: Buffer; user?: string } | undefined

const nonceBytes = 18

export class Scram {
  readonly #mechanism: ScramMechanism
  readonly #users: Users
  #begun: { user: string; credential: Credential; nonce: string; messages: string } | undefined

  constructor(mechanism: ScramMechanism, users: Users) {
    this.#mechanism = mechanism
    this.#users = users
  }

  step(token: Buffer): Step {
    return this.#begun ? this.#end(token.toString()) : this.#begin(token.toString())
  }

  #begin(text: string): Step {
    const match = /^[ny],[^,]*,(n=([^,]+),r=([^,]+).*)$/.exec(text)
    if (!match) return undefined
    const [, bare, name, clientNonce] = match as unknown as [string, string, string, string]
    const user = name.replaceAll('=2C', ',').replaceAll('=3D', '=')
    const credential = this.#users.credential(user, this.#mechanism)
    if (!credential) return undefined
    const nonce = clientNonce + randomBytes(nonceBytes).toString('base64')
    const answer = `r=${nonce},s=${credential.salt.toString('base64')},i=${credential.iterations}`
    this.#begun = { user, credential, nonce, messages: `${bare},${answer}` }
    return { answer: Buffer.from(answer) }
  }

  #end(text: string): Step {
    const match = /^(c=[^,]+,r=([^,]+).*),p=([^,]+)$/.exec(text)
    const begun = this.#begun
    if (!match || !begun || match[2] !== begun.nonce) return undefined
    const { storedKey, serverKey } = begun.credential
    const said = `${begun.messages},${match[1]}`
    const proof = Buffer.from(match[3] as string, 'base64')
    const signature = hmac(this.#mechanism, storedKey, said)
    if (proof.length !== signature.length) return undefined
    const clientKey = Buffer.from(proof.map((byte, i) => byte ^ (signature[i] as number)))
    if (!timingSafeEqual(hash(this.#mechanism, clientKey), storedKey)) return undefined
    const verifier = hmac(this.#mechanism, serverKey, said).toString('base64')
    return { answer: Buffer.from(`v=${verifier}`), user: begun.user }
  }
}
