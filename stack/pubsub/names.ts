// Resource names: projects/PROJECT/COLLECTION/ID. An ID has 3 to 255 characters, begins with a letter, not with
// "goog", and has letters, digits and - . _ ~ + % only.

import { invalid } from './refused.ts'

export type Collection = 'topics' | 'subscriptions' | 'snapshots'

/** A topic that is gone, as its subscriptions show it. */
export const deletedTopic = '_deleted-topic_'

const idPattern = /^(?!goog)[A-Za-z][A-Za-z0-9\-._~+%]{2,254}$/
const projectPattern = /^[a-z0-9][a-z0-9.:-]{0,62}$/

export function checkName(name: string, collection: Collection): void {
  const [projects, project = '', kind, id = '', ...rest] = name.split('/')
  const isWell =
    projects === 'projects' &&
    projectPattern.test(project) &&
    kind === collection &&
    idPattern.test(id) &&
    rest.length === 0
  if (isWell) return
  throw invalid(
    `Invalid resource name given (name=${name}). Refer to https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names for more information.`,
  )
}

/** The project of "projects/PROJECT"; what lists ask for. */
export function checkProject(name: string): string {
  const [projects, project = '', ...rest] = name.split('/')
  if (projects === 'projects' && projectPattern.test(project) && rest.length === 0) return project
  throw invalid(`Invalid project name given (name=${name}).`)
}

/** With the slash, so that project `p` does not see those of `p2`. */
export function isOfProject(name: string, project: string): boolean {
  return name.startsWith(`projects/${project}/`)
}

export function projectOf(name: string): string {
  return name.split('/')[1] as string
}
