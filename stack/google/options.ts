// Options of whoever talks to Google or to its stand-ins: flags and environment to a target. A part of a stack on this
// machine needs no address: each has its default, and the port offset.

import { listOf, portOffsetOption } from '../base/common-options.ts'
import { UsageError } from '../base/errors.ts'
import type { OptionTable, OptionValues } from '../base/options.ts'
import { defaultPorts } from '../base/ports.ts'
import type { GoogleTarget } from './target.ts'

/** Beside the mode itself, which is off, emulator or google; who cannot be without a target leaves `off` out. */
export const targetOptions = {
  ...portOffsetOption,
  project: {
    type: 'string',
    value: 'ID',
    help: 'whose topics and dataset; slipway-local of the stand-ins unless given',
  },
  googleCloudProject: {
    type: 'string',
    value: 'ID',
    env: 'GOOGLE_CLOUD_PROJECT',
    help: 'the project in google mode where --project names none; no stand-in is asked for it',
  },
  allowedProjects: {
    type: 'string',
    value: 'LIST',
    default: '',
    help: 'projects of Google that may be touched at all',
  },
  pubsub: {
    type: 'string',
    value: 'HOST:PORT',
    env: 'SLIPWAY_PUBSUB',
    help: 'the stand-in of Pub/Sub',
  },
  bigquery: {
    type: 'string',
    value: 'HOST:PORT',
    env: 'SLIPWAY_BIGQUERY',
    help: 'the stand-in of BigQuery, REST',
  },
  bigqueryStorage: {
    type: 'string',
    value: 'HOST:PORT',
    env: 'SLIPWAY_BIGQUERY_STORAGE',
    help: 'the stand-in of Storage Write',
  },
  standInHosts: {
    type: 'string',
    value: 'LIST',
    default: '',
    help: 'hosts beside this machine that are stand-ins, as compose names them',
  },
  dataset: { type: 'string', value: 'ID', default: 'slipway', help: 'of the mirrored tables' },
} as const satisfies OptionTable

type Given = Omit<OptionValues<typeof targetOptions>, 'dataset'> & { cloud: string }

export function targetOf(given: Given): GoogleTarget {
  if (given.cloud === 'emulator') {
    return {
      mode: 'emulator',
      projectId: given.project ?? 'slipway-local',
      pubsub: given.pubsub ?? standInAddress(given, 'pubsub'),
      bigquery: given.bigquery ?? standInAddress(given, 'bigquery'),
      bigqueryStorage: given.bigqueryStorage ?? standInAddress(given, 'bigqueryStorage'),
      standInHosts: listOf(given.standInHosts),
      realProjects: [...listOf(given.allowedProjects), ...listOf(given.googleCloudProject ?? '')],
    }
  }
  const address = given.pubsub ?? given.bigquery ?? given.bigqueryStorage
  if (address !== undefined) {
    throw new UsageError('google mode is given the address of a stand-in', {
      where: address,
      hint: 'leave it out, also in the environment; or choose emulator mode',
    })
  }
  const projectId = given.project ?? given.googleCloudProject
  if (projectId === undefined) {
    throw new UsageError('google mode needs a project', {
      hint: 'name it with --project or GOOGLE_CLOUD_PROJECT, and allow it with --allowed-projects',
    })
  }
  return { mode: 'google', projectId, allowedProjects: listOf(given.allowedProjects) }
}

function standInAddress(
  { portOffset }: { portOffset: number },
  of: 'pubsub' | 'bigquery' | 'bigqueryStorage',
): string {
  return `127.0.0.1:${defaultPorts[of] + portOffset}`
}
