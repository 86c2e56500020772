import { expect, test } from 'vitest'
import { GroupCommit } from './group-commit.ts'

function opened() {
  const written: (readonly string[])[] = []
  const commit = new GroupCommit<string, string>((works) => {
    if (works.includes('bad')) throw new Error('the disk is full')
    written.push(works)
    return works.map((work) => `${work} is written`)
  })
  return { commit, written }
}

test('what is asked for in one turn is written together, each with its own answer', async () => {
  const { commit, written } = opened()
  const answers = [commit.add('a'), Promise.resolve().then(() => commit.add('b'))]
  expect(await Promise.all(answers)).toEqual(['a is written', 'b is written'])
  expect(await commit.add('c')).toBe('c is written')
  expect(written).toEqual([['a', 'b'], ['c']])
})

test('a write that fails fails for all that were in it, and for nobody else', async () => {
  const { commit, written } = opened()
  const answers = await Promise.allSettled([commit.add('a'), commit.add('bad')])
  expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(await commit.add('c')).toBe('c is written')
  expect(written).toEqual([['c']])
})

test('whoever needs it written now has it written now, and not twice', async () => {
  const { commit, written } = opened()
  const answer = commit.add('a')
  commit.flush()
  expect(written).toEqual([['a']])
  await answer
  await new Promise((resolve) => setImmediate(resolve))
  expect(written).toEqual([['a']])
})
