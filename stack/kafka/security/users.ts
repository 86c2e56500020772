// Who may log in. Of a password only what SCRAM needs is kept (RFC 5802): a salt, how often it was hashed, and two keys
// of which neither gives the password back. PLAIN is checked against the same.

import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto'
import { UsageError } from '../../base/errors.ts'

export const scramHashes = { 'SCRAM-SHA-256': 'sha256', 'SCRAM-SHA-512': 'sha512' } as const
export type ScramMechanism = keyof typeof scramHashes

const iterations = 4096
const saltBytes = 16

export interface Credential {
  salt: Buffer
  iterations: number
  storedKey: Buffer
  serverKey: Buffer
}

export class Users {
  readonly #credentials = new Map<string, Record<ScramMechanism, Credential>>()

  constructor(passwords: ReadonlyMap<string, string>) {
    for (const [name, password] of passwords) {
      this.#credentials.set(name, {
        'SCRAM-SHA-256': credentialOf(password, 'SCRAM-SHA-256'),
        'SCRAM-SHA-512': credentialOf(password, 'SCRAM-SHA-512'),
      })
    }
  }

  credential(name: string, mechanism: ScramMechanism): Credential | undefined {
    return this.#credentials.get(name)?.[mechanism]
  }

  hasPassword(name: string, password: string): boolean {
    const known = this.credential(name, 'SCRAM-SHA-256')
    if (!known) return false
    const asked = credentialOf(password, 'SCRAM-SHA-256', known.salt)
    return timingSafeEqual(asked.storedKey, known.storedKey)
  }
}

/** A line for each: name, colon, password. */
export function parseUsers(text: string, where: string): Map<string, string> {
  const users = new Map<string, string>()
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const at = line.indexOf(':')
    if (at < 1)
      throw new UsageError('a user has no name or no password', {
        where: `${where}, line ${i + 1}`,
        hint: 'write name:password',
      })
    users.set(line.slice(0, at), line.slice(at + 1).trimEnd())
  }
  return users
}

export function hmac(mechanism: ScramMechanism, key: Buffer, text: string): Buffer {
  return createHmac(scramHashes[mechanism], key).update(text).digest()
}

export function hash(mechanism: ScramMechanism, bytes: Buffer): Buffer {
  return createHash(scramHashes[mechanism]).update(bytes).digest()
}

function credentialOf(
  password: string,
  mechanism: ScramMechanism,
  salt: Buffer = randomBytes(saltBytes),
): Credential {
  const length = mechanism === 'SCRAM-SHA-256' ? 32 : 64
  const salted = pbkdf2Sync(password, salt, iterations, length, scramHashes[mechanism])
  const clientKey = hmac(mechanism, salted, 'Client Key')
  return {
    salt,
    iterations,
    storedKey: hash(mechanism, clientKey),
    serverKey: hmac(mechanism, salted, 'Server Key'),
  }
}
