// Where Google's clients go: to stand-ins whose addresses are given, or to Google by project id and nothing else. Never a
// mixture: a stand-in is on this machine or on a host that is named as one, and Google is never given an address.

import { OperatingError, UsageError } from '../base/errors.ts'

export type GoogleTarget =
  | {
      mode: 'emulator'
      projectId: string
      /** host:port of each stand-in that is to be used. */
      pubsub?: string
      bigquery?: string
      bigqueryStorage?: string
      /** Hosts beside loopback that are stand-ins, as compose names them. */
      standInHosts?: readonly string[]
      /** Projects of Google: whoever asks a stand-in for one of them means something else. */
      realProjects?: readonly string[]
    }
  | {
      mode: 'google'
      projectId: string
      /** Projects that may be touched at all. */
      allowedProjects: readonly string[]
    }

const loopback = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\]|::1)$/
/** Google's libraries read them and would go elsewhere than they are told. */
const misleading = [
  'PUBSUB_EMULATOR_HOST',
  'CLOUDSDK_API_ENDPOINT_OVERRIDES_PUBSUB',
  'BIGQUERY_EMULATOR_HOST',
] as const

export function checkTarget(target: GoogleTarget, env: NodeJS.ProcessEnv): void {
  const set = misleading.filter((name) => env[name] !== undefined)
  if (set.length > 0) {
    throw new UsageError(`the environment names another address for Google's libraries`, {
      where: set.join(', '),
      hint: 'unset it: addresses of stand-ins are given by flags, and Google needs none',
    })
  }
  if (target.mode === 'google') return checkProject(target)
  if (target.realProjects?.includes(target.projectId)) {
    throw new UsageError(
      `"${target.projectId}" is a project of Google, and this is emulator mode`,
      {
        where: target.projectId,
        hint: 'leave the project out, or choose google mode for Google itself',
      },
    )
  }
  for (const address of [target.pubsub, target.bigquery, target.bigqueryStorage]) {
    if (address !== undefined) checkStandIn(address, target.standInHosts ?? [])
  }
}

/** Without an address Google's libraries would go to Google. */
export function standInOf(
  target: Extract<GoogleTarget, { mode: 'emulator' }>,
  service: 'pubsub' | 'bigquery' | 'bigqueryStorage',
): string {
  const address = target[service]
  if (address !== undefined) return address
  throw new UsageError(`emulator mode has no address of a stand-in for ${service}`, {
    hint: 'name one, or choose google mode for Google itself',
  })
}

function checkProject({
  projectId,
  allowedProjects,
}: Extract<GoogleTarget, { mode: 'google' }>): void {
  if (allowedProjects.includes(projectId)) return
  throw new UsageError(`the project "${projectId}" is not one that may be touched`, {
    where: projectId,
    hint: `allowed: ${allowedProjects.join(', ') || 'none'}`,
  })
}

function checkStandIn(address: string, standInHosts: readonly string[]): void {
  const host = address.slice(0, address.lastIndexOf(':'))
  if (loopback.test(host) || standInHosts.includes(host)) return
  throw new OperatingError('this address is neither on this machine nor named as a stand-in', {
    where: address,
    hint: 'emulator mode talks to stand-ins only; choose google mode for Google itself',
  })
}
