// An answer that is no success, in the shape of the live service. Thrown by whoever finds it out.

export class Refused extends Error {
  override name = 'Refused'
  readonly code: number
  readonly reason: string
  readonly location: string | undefined

  constructor(code: number, reason: string, message: string, location?: string) {
    super(message)
    this.code = code
    this.reason = reason
    this.location = location
  }

  /** As jobs carry it. */
  get proto(): { reason: string; message: string; location?: string } {
    return {
      reason: this.reason,
      message: this.message,
      ...(this.location !== undefined && { location: this.location }),
    }
  }
}

export const invalid = (message: string): Refused => new Refused(400, 'invalid', message)
export const invalidQuery = (message: string): Refused =>
  new Refused(400, 'invalidQuery', message, 'query')
export const notFound = (what: string): Refused =>
  new Refused(404, 'notFound', `Not found: ${what}`)
export const tableNotFound = (name: string): Refused =>
  notFound(`Table ${name} was not found in location US`)
export const datasetNotFound = (name: string): Refused =>
  notFound(`Dataset ${name} was not found in location US`)
export const duplicate = (what: string): Refused =>
  new Refused(409, 'duplicate', `Already Exists: ${what}`)
export const notImplemented = (what: string): Refused =>
  new Refused(501, 'notImplemented', `${what} is not supported by the embedded BigQuery`)

const statuses: Record<number, string> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  409: 'ALREADY_EXISTS',
  412: 'FAILED_PRECONDITION',
  429: 'RESOURCE_EXHAUSTED',
  500: 'INTERNAL',
  501: 'UNIMPLEMENTED',
  503: 'UNAVAILABLE',
}

export function errorBody({ code, message, reason, location }: Refused): object {
  const where =
    location === undefined
      ? {}
      : { location, locationType: reason === 'invalidQuery' ? 'other' : 'parameter' }
  return {
    error: {
      code,
      message,
      errors: [{ message, domain: 'global', reason, ...where }],
      status: statuses[code] ?? 'UNKNOWN',
    },
  }
}
