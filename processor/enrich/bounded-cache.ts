// A look-up's memory: the answers to the questions asked last, at most so many. When it is full, it forgets the older
// half at once, which is cheaper than order kept at every question.

export class BoundedCache<V> {
  readonly #entriesMax: number
  #recent = new Map<string, V>()
  #older = new Map<string, V>()

  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax
  }

  get(key: string, ask: (key: string) => V): V {
    const known = this.#recent.get(key)
    if (known !== undefined) return known
    const value = this.#older.get(key) ?? ask(key)
    this.#recent.set(key, value)
    if (this.#recent.size * 2 >= this.#entriesMax) {
      this.#older = this.#recent
      this.#recent = new Map()
    }
    return value
  }
}
