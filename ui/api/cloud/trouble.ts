// Why the cloud has no figures, in words, and what to do about it step by step, with the commands. Made from the error
// of Google's client and from where it was sent. Pure.

import { messageOf } from '../../../stack/base/errors.ts'
import { troubleOf as troubleAtGoogle } from '../../../stack/google/trouble.ts'
import type { TroubleKind } from '../../../stack/google/trouble.ts'
import type { GivenPlace } from '../cloud.ts'

export interface Step {
  says: string
  command?: string
}

export interface Trouble {
  kind: TroubleKind | 'off' | 'asking' | 'unreachable' | 'missing' | 'empty' | 'other'
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

/** Until the first word comes. */
export const askingPubSub: Trouble = {
  kind: 'asking',
  title: 'Pub/Sub is being asked',
  says: 'Nothing has come yet',
  steps: [],
}

const status = (place: GivenPlace): Step => ({
  says: 'See how far the bridge is:',
  command: `npx slipway bridge status${flags(place)}`,
})

export function nothingThere(place: GivenPlace): Trouble {
  return {
    kind: 'empty',
    title: 'Nothing has been mirrored yet',
    says: `The tables of dataset ${place.dataset} are there and hold no row. They fill by themselves as soon as the bridge has carried some.`,
    steps: [status(place)],
  }
}

/** Who was asked. */
export type Service = 'BigQuery' | 'Pub/Sub'

export function troubleOf(
  error: unknown,
  place: GivenPlace,
  service: Service = 'BigQuery',
): Trouble {
  const text = messageOf(error)
  const atGoogle = troubleAtGoogle(error)
  if (atGoogle) return refused[atGoogle.kind](text, place, service)
  if (isMissing(error, text)) return missing(text, place, service)
  if (isUnreachable(error, text)) return unreachable(text, place, service)
  return {
    kind: 'other',
    title: `${service} answered with an error`,
    says: text,
    steps: [status(place)],
  }
}

/** What Google refuses whatever is asked. */
const refused: Record<TroubleKind, (text: string, place: GivenPlace, service: Service) => Trouble> =
  {
    login: (text) => ({
      kind: 'login',
      title: 'Google does not accept the login',
      says: text,
      steps: [
        {
          says: 'Name the key file of a service account that is not deleted nor disabled, and start again:',
          command: 'export GOOGLE_APPLICATION_CREDENTIALS=key.json',
        },
        { says: 'Or log in on this machine:', command: 'gcloud auth application-default login' },
      ],
    }),
    permission: (text, { projectId }, service) => ({
      kind: 'permission',
      title: 'A permission is missing',
      says: text,
      steps: roles[service].map((role) => ({
        says: `Grant ${role} to the account that runs the dashboard:`,
        command: `gcloud projects add-iam-policy-binding ${projectId} --member serviceAccount:EMAIL --role ${role}`,
      })),
    }),
    api: (text, { projectId }, service) => ({
      kind: 'api',
      title: `The API of ${service} is off`,
      says: text,
      steps: [
        {
          says: 'Turn it on:',
          command: `gcloud services enable ${apis[service]} --project ${projectId}`,
        },
      ],
    }),
  }

/** What the dashboard needs: it asks BigQuery, and makes subscriptions of its own. */
const roles: Record<Service, readonly string[]> = {
  BigQuery: ['roles/bigquery.jobUser', 'roles/bigquery.dataViewer'],
  'Pub/Sub': ['roles/pubsub.editor'],
}

const apis: Record<Service, string> = {
  BigQuery: 'bigquery.googleapis.com',
  'Pub/Sub': 'pubsub.googleapis.com',
}

function missing(text: string, place: GivenPlace, service: Service): Trouble {
  const byItself =
    place.mode === 'emulator' ? ' At stand-ins a running bridge creates what is missing.' : ''
  const what =
    service === 'BigQuery' ? `Dataset ${place.dataset} or a table of it` : 'A topic of the mirror'
  return {
    kind: 'missing',
    title: `${what} is missing`,
    says: `${text}.${byItself}`,
    steps: [
      { says: 'See what is missing:', command: `npx slipway bridge plan${flags(place)}` },
      { says: 'Create it:', command: `npx slipway bridge apply${flags(place)}` },
    ],
  }
}

function unreachable(text: string, place: GivenPlace, service: Service): Trouble {
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
            command: `curl -sS -o /dev/null -w "%{http_code}\\n" https://${apis[service]}`,
          },
          status(place),
        ]
  return {
    kind: 'unreachable',
    title: `${service} does not answer`,
    says: `${text}. It is asked again by itself. Local figures are unaffected.`,
    steps,
  }
}

function flags({ mode }: GivenPlace): string {
  return mode === 'google' ? ' --cloud google' : ''
}

/** 404 of REST, 5 of gRPC. */
function isMissing(error: unknown, text: string): boolean {
  const { code } = error as { code?: unknown }
  return code === 404 || code === 5 || /not found: (dataset|table|view)/i.test(text)
}

/** DEADLINE_EXCEEDED and UNAVAILABLE. */
const silent: ReadonlySet<unknown> = new Set([4, 14])
const network = /ECONNREFUSED|ECONNRESET|ENOTFOUND|ETIMEDOUT|EAI_AGAIN|EHOSTUNREACH|socket hang up/

function isUnreachable(error: unknown, text: string): boolean {
  const { code } = error as { code?: unknown }
  return (
    silent.has(code) ||
    network.test(text) ||
    (typeof code === 'string' && network.test(code)) ||
    /did not answer in|fetch failed|Service Unavailable|backendError/i.test(text) ||
    (typeof code === 'number' && code >= 500)
  )
}
