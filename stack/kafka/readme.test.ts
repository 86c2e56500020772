// The README's table of APIs is the message table; the head of each API's file names the versions that are served.

import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { apiTable } from './protocol/messages/index.ts'

const here = (path: string) => new URL(path, import.meta.url)
const readme = readFileSync(here('./README.md'), 'utf8')

function fileOf(key: number, name: string): string {
  const words = name.replace(/[a-z](?=[A-Z])/g, (letter) => `${letter}-`).toLowerCase()
  return `apis/${String(key).padStart(2, '0')}-${words}.ts`
}

const rangeOf = (from: number, to: number) => (from === to ? `${from}` : `${from}-${to}`)

test('the README lists exactly the APIs and versions of the message table', () => {
  const rows = apiTable.map(
    ({ key, name, from, to }) =>
      `| ${key} | ${name} | ${rangeOf(from, to)} | \`${fileOf(key, name)}\` |`,
  )
  const table = ['| key | API | versions | file |', '| --- | --- | --- | --- |', ...rows].join('\n')
  expect(readme.split('<!-- apis -->')[1]?.split('<!-- /apis -->')[0]?.trim()).toBe(table)
})

describe('every API', () => {
  test.each(apiTable)(
    '$name has a file that names its versions first',
    ({ key, name, from, to }) => {
      const [first = ''] = readFileSync(here(fileOf(key, name)), 'utf8').split('\n')
      expect(first).toContain(`// ${name}, version${from === to ? '' : 's'} ${rangeOf(from, to)}`)
    },
  )

  test('file is in the table', () => {
    const files = readdirSync(here('./apis')).filter((name) => /^\d\d-/.test(name))
    expect(files).toEqual(apiTable.map(({ key, name }) => fileOf(key, name).slice('apis/'.length)))
  })
})

test('the README names files that exist', () => {
  const named = [...readme.matchAll(/`([a-z/-]+(?:\.ts|\/))`/g)].map((match) => match[1] as string)
  const folders = ['', 'protocol/']
  const missing = named.filter(
    (name) => !folders.some((folder) => existsSync(here(`./${folder}${name}`))),
  )
  expect(missing.filter((name) => !name.includes('NN'))).toEqual([])
})
