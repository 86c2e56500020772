// Why the cloud has no figures, in words, and what to do about it step by step, with the commands. Made from the error
// of Google's client and from where it was sent. Pure.

import { messageOf } from '../../../stack/base/errors.ts'
import type { CloudPlace } from '../cloud.ts'

export interface Step {
  says: string
  command?: string
}

export interface Trouble {
  kind: 'off' | 'unreachable' | 'credentials' | 'permission' | 'missing' | 'empty' | 'other'
  title: string
  says: string
  steps: readonly Step[]
}

export const cloudOff: Trouble = {
  kind: 'off',
  title: 'The cloud is off',
  says: 'This stack mirrors nothing, so there is nothing to show from it. Local figures are unaffected.',
  steps: [
    {
      says: 'Start again with stand-ins of Pub/Sub and BigQuery on this machine:',
      command: 'npm start -- --cloud emulator',
    },
    {
      says: 'Or with a project of Google:',
      command: 'GOOGLE_CLOUD_PROJECT=id SLIPWAY_ALLOWED_PROJECTS=id npm start -- --cloud google',
    },
  ],
}

type Place = Exclude<CloudPlace, { mode: 'off' }>

const status = (place: Place): Step => ({
  says: 'See how far the bridge is:',
  command: `npx slipway bridge status${flags(place)}`,
})

export function nothingThere(place: Place): Trouble {
  return {
    kind: 'empty',
    title: 'Nothing has been mirrored yet',
    says: `The tables of dataset ${place.dataset} are there and hold no row. They fill by themselves as soon as the bridge has carried some.`,
    steps: [status(place)],
  }
}

export function troubleOf(error: unknown, place: Place): Trouble {
  const text = messageOf(error)
  const code = codeOf(error)
  if (/default credentials|GOOGLE_APPLICATION_CREDENTIALS|ENOENT.*\.json/i.test(text)) {
    return credentials(text, 'There are no credentials for Google')
  }
  if (code === 401 || /invalid_grant|invalid_client|UNAUTHENTICATED/.test(text)) {
    return credentials(text, 'Google does not accept the credentials')
  }
  if (/has not been used in project|SERVICE_DISABLED|it is disabled/.test(text)) {
    return {
      kind: 'permission',
      title: 'The BigQuery API is not enabled',
      says: text,
      steps: [
        {
          says: 'Enable it:',
          command: `gcloud services enable bigquery.googleapis.com --project ${place.projectId}`,
        },
      ],
    }
  }
  if (code === 403) return permission(text, place)
  if (code === 404 || /not found: (dataset|table|view)/i.test(text)) return missing(text, place)
  if (isUnreachable(error, text)) return unreachable(text, place)
  return {
    kind: 'other',
    title: 'BigQuery answered with an error',
    says: text,
    steps: [status(place)],
  }
}

function credentials(text: string, title: string): Trouble {
  return {
    kind: 'credentials',
    title,
    says: text,
    steps: [
      { says: 'Log in on this machine:', command: 'gcloud auth application-default login' },
      {
        says: 'Or name the key file of a service account, and start again:',
        command: 'export GOOGLE_APPLICATION_CREDENTIALS=key.json',
      },
    ],
  }
}

function permission(text: string, { projectId }: Place): Trouble {
  const grant = (role: string): Step => ({
    says: `Grant ${role} to whoever runs the dashboard:`,
    command: `gcloud projects add-iam-policy-binding ${projectId} --member user:NAME --role ${role}`,
  })
  return {
    kind: 'permission',
    title: 'A permission is missing',
    says: text,
    steps: [grant('roles/bigquery.jobUser'), grant('roles/bigquery.dataViewer')],
  }
}

function missing(text: string, place: Place): Trouble {
  const byItself =
    place.mode === 'emulator' ? ' At stand-ins a running bridge creates what is missing.' : ''
  return {
    kind: 'missing',
    title: `Dataset ${place.dataset} or a table of it is missing`,
    says: `${text}.${byItself}`,
    steps: [
      { says: 'See what is missing:', command: `npx slipway bridge plan${flags(place)}` },
      { says: 'Create it:', command: `npx slipway bridge apply${flags(place)}` },
    ],
  }
}

function unreachable(text: string, place: Place): Trouble {
  const steps: Step[] =
    place.mode === 'emulator'
      ? [
          {
            says: 'The stand-in is started with the stack; start it again if it is gone:',
            command: 'npm start -- --cloud emulator',
          },
          { says: 'See what is in the way:', command: 'npx slipway doctor' },
        ]
      : [
          {
            says: 'See whether this machine reaches Google:',
            command: 'curl -sS -o /dev/null -w "%{http_code}\\n" https://bigquery.googleapis.com',
          },
          status(place),
        ]
  return {
    kind: 'unreachable',
    title: 'BigQuery does not answer',
    says: `${text}. It is asked again by itself. Local figures are unaffected.`,
    steps,
  }
}

function flags({ mode }: Place): string {
  return mode === 'google' ? ' --cloud google' : ''
}

function codeOf(error: unknown): number | undefined {
  const { code } = error as { code?: unknown }
  return typeof code === 'number' ? code : undefined
}

const network = /ECONNREFUSED|ECONNRESET|ENOTFOUND|ETIMEDOUT|EAI_AGAIN|EHOSTUNREACH|socket hang up/

function isUnreachable(error: unknown, text: string): boolean {
  const { code } = error as { code?: unknown }
  return (
    network.test(text) ||
    (typeof code === 'string' && network.test(code)) ||
    /did not answer in|fetch failed|Service Unavailable|backendError/i.test(text) ||
    (typeof code === 'number' && code >= 500)
  )
}
