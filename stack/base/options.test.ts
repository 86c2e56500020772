// Flags and their environment twins.

import { describe, expect, test } from 'vitest'
import { UsageError } from './errors.ts'
import { optionsHelp, parseOptions } from './options.ts'

const table = {
  portOffset: { type: 'number', default: 0, min: 0, max: 100, value: 'N', help: 'added' },
  data: { type: 'string', default: '.slipway', help: 'folder' },
  cloud: { type: 'string', choices: ['off', 'emulator'], help: 'mode' },
  json: { type: 'flag', help: 'lines' },
} as const

describe('options', () => {
  test('a flag wins over its environment twin, which wins over the default', () => {
    const env = { SLIPWAY_PORT_OFFSET: '3', SLIPWAY_DATA: 'there' }
    const { options } = parseOptions(table, ['--port-offset', '5', '--json'], env)
    expect(options).toEqual({ portOffset: 5, data: 'there', cloud: undefined, json: true })
    expect(parseOptions(table, [], {}).options.portOffset).toBe(0)
  })

  test.each([
    [['--port-offset', 'x'], '--port-offset is "x"'],
    [['--port-offset', '101'], '--port-offset is "101"'],
    [['--cloud', 'moon'], '--cloud is "moon"'],
    [['--nope'], "Unknown option '--nope'"],
  ])('%j is wrong use, and the flag is named', (argv, message) => {
    expect(() => parseOptions(table, argv, {})).toThrow(UsageError)
    expect(() => parseOptions(table, argv, {})).toThrow(message)
  })

  test('help shows each flag with its default', () => {
    expect(optionsHelp(table)).toContain('--port-offset N  added (default 0)')
  })
})
