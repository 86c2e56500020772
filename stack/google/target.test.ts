import { describe, expect, test } from 'vitest'
import { checkTarget } from './target.ts'

describe('a target of Google’s clients', () => {
  const standIn = { mode: 'emulator', projectId: 'shop' } as const
  test('is a stand-in on this machine, or on a host named as one', () => {
    for (const pubsub of ['127.0.0.1:8085', 'localhost:8085', 'pubsub:8085']) {
      const target = { ...standIn, pubsub, standInHosts: ['pubsub'] }
      expect(() => checkTarget(target, {})).not.toThrow()
    }
  })
  test.each(['pubsub.googleapis.com:443', 'pubsub:8085', '10.0.0.7:8085'])(
    'in emulator mode is never %s',
    (pubsub) => {
      expect(() => checkTarget({ ...standIn, pubsub }, {})).toThrow('neither on this machine')
    },
  )
  test('in emulator mode has no project of Google', () => {
    const target = { ...standIn, projectId: 'shop-production', realProjects: ['shop-production'] }
    expect(() => checkTarget(target, {})).toThrow('is a project of Google')
  })
  test('in google mode is a project that was allowed by name', () => {
    const target = { mode: 'google', projectId: 'shop', allowedProjects: ['shop'] } as const
    expect(() => checkTarget(target, {})).not.toThrow()
    expect(() => checkTarget({ ...target, projectId: 'other' }, {})).toThrow('may be touched')
  })
  test('is not led elsewhere by the environment', () => {
    expect(() => checkTarget(standIn, { PUBSUB_EMULATOR_HOST: 'elsewhere:1' })).toThrow(
      'another address',
    )
  })
})
