import { expect, test } from 'vitest'
import { refusedOf } from './statement-error.ts'

test('a statement that needs more memory than there is has exceeded its resources, and is not unknown', () => {
  const error = new Error('Out of Memory Error: failed to pin block of size 256.0 KiB\nPossible …')
  expect(refusedOf(error, 'SELECT 1')).toMatchObject({
    code: 400,
    reason: 'resourcesExceeded',
    message: 'Resources exceeded during query execution: failed to pin block of size 256.0 KiB',
  })
})
