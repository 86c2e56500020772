// Flags of one command and their environment twins: `--port-offset 3` is `SLIPWAY_PORT_OFFSET=3`; the flag wins.
// A table of options is also the command's --help. Wrong use is a UsageError that names the flag.

import { parseArgs } from 'node:util'
import { messageOf, UsageError } from './errors.ts'

interface Spec {
  help: string
  /** Shown in help behind the flag, `N` or `DIR`. */
  value?: string
  default?: string | number | boolean
  /** Environment variable; SLIPWAY_<NAME> unless given. */
  env?: string
}

export interface StringOption extends Spec {
  type: 'string'
  choices?: readonly string[]
}
export interface NumberOption extends Spec {
  type: 'number'
  min?: number
  max?: number
}
export interface FlagOption extends Spec {
  type: 'flag'
}
export type OptionTable = Record<string, StringOption | NumberOption | FlagOption>

type ValueOf<O> = O extends { type: 'flag' }
  ? boolean
  : O extends { type: 'number' }
    ? O extends { default: number }
      ? number
      : number | undefined
    : O extends { default: string }
      ? string
      : string | undefined

export type OptionValues<T extends OptionTable> = { [K in keyof T]: ValueOf<T[K]> }

export interface Parsed<T extends OptionTable> {
  options: OptionValues<T>
  positionals: string[]
  help: boolean
}

export function parseOptions<const T extends OptionTable>(
  table: T,
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
): Parsed<T> {
  const raw = parseArgv(table, argv)
  const values: Record<string, unknown> = {}
  for (const [name, option] of Object.entries(table)) {
    const flag = kebab(name)
    const fromEnv = env[option.env ?? `SLIPWAY_${flag.replaceAll('-', '_').toUpperCase()}`]
    const given = raw.values[flag] ?? fromEnv
    values[name] = given === undefined ? defaultOf(option) : convert(flag, option, given)
  }
  return {
    options: values as OptionValues<T>,
    positionals: raw.positionals,
    help: raw.values['help'] === true,
  }
}

export function optionsHelp(table: OptionTable): string {
  const rows = Object.entries(table).map(([name, option]) => {
    const flag = `--${kebab(name)}${option.type === 'flag' ? '' : ` ${option.value ?? 'VALUE'}`}`
    const fallback =
      option.default === undefined || option.type === 'flag' ? '' : ` (default ${option.default})`
    return [flag, option.help + fallback] as const
  })
  const width = Math.max(...rows.map(([flag]) => flag.length)) + 2
  return rows.map(([flag, help]) => `  ${flag.padEnd(width)}${help}`).join('\n')
}

function parseArgv(table: OptionTable, argv: readonly string[]) {
  const options: Record<string, { type: 'string' | 'boolean' }> = { help: { type: 'boolean' } }
  for (const [name, option] of Object.entries(table)) {
    options[kebab(name)] = { type: option.type === 'flag' ? 'boolean' : 'string' }
  }
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true, strict: true })
  } catch (error) {
    const what = messageOf(error).split('. ')[0] ?? messageOf(error)
    throw new UsageError(what, { hint: 'run the command with --help to see its options' })
  }
}

function convert(flag: string, option: OptionTable[string], given: string | boolean): unknown {
  if (option.type === 'flag') return given === true || given === '1' || given === 'true'
  if (option.type === 'string') {
    if (option.choices && !option.choices.includes(String(given))) {
      throw new UsageError(`--${flag} is "${given}"`, {
        hint: `use one of ${option.choices.join(', ')}`,
      })
    }
    return String(given)
  }
  const value = Number(given)
  const { min = -Infinity, max = Infinity } = option
  if (given === '' || !Number.isFinite(value) || value < min || value > max) {
    const range = `${min === -Infinity ? '' : ` from ${min}`}${max === Infinity ? '' : ` to ${max}`}`
    throw new UsageError(`--${flag} is "${given}"`, { hint: `give a number${range}` })
  }
  return value
}

function defaultOf(option: OptionTable[string]): unknown {
  return option.default ?? (option.type === 'flag' ? false : undefined)
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}
