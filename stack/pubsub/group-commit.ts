// What is asked for in one turn of the event loop is written together, and answered when it is: a write costs about as much
// for one as for many, and a client that is behind has many requests on its way. Nobody waits for more to come.

interface Asked<Work, Result> {
  work: Work
  answer: PromiseWithResolvers<Result>
}

export class GroupCommit<Work, Result> {
  readonly #write: (works: readonly Work[]) => readonly Result[]
  #waiting: Asked<Work, Result>[] = []

  /** `write`: all of them or, where it throws, none; results in their order. */
  constructor(write: (works: readonly Work[]) => readonly Result[]) {
    this.#write = write
  }

  add(work: Work): Promise<Result> {
    const answer = Promise.withResolvers<Result>()
    if (this.#waiting.push({ work, answer }) === 1) setImmediate(() => this.flush())
    return answer.promise
  }

  /** At once, for whoever changes what the waiting ones count on. */
  flush(): void {
    const asked = this.#waiting
    if (asked.length === 0) return
    this.#waiting = []
    try {
      const results = this.#write(asked.map(({ work }) => work))
      asked.forEach(({ answer }, index) => answer.resolve(results[index] as Result))
    } catch (error) {
      for (const { answer } of asked) answer.reject(error)
    }
  }
}
