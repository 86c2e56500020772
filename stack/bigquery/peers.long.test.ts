// The contract on another BigQuery stand-in, bqemulator, which `../shared/tools/bigquery/start` starts. What it does not
// keep is listed: where the two differ, one of them differs from the live service.

import { freePort, startPeer } from '../base/peer.ts'
import { describe } from 'vitest'
import { bigQueryContract } from './bigquery.contract.ts'
import type { ContractTarget } from './bigquery.contract.ts'
import { storageWriteContract } from './storage-write.contract.ts'

const start = async () => {
  const [port, grpcPort] = [await freePort(), await freePort()].map(String)
  const args = ['--kind', 'bqemulator', '--port', port, '--grpc-port', grpcPort] as string[]
  return startPeer('bigquery/start', args, process.env['SLIPWAY_SHARED'])
}

const asLoose = 'it takes what the live service refuses'
const noAnswer = 'its queries answer an error as no rows (`../shared/tools/bigquery/README.md`)'
const pages = 'a page token is not taken: the first page comes again'
const words = 'it says so in other words'
const known: ContractTarget['knownDifferences'] = {
  'datasets of one name are one': words,
  'datasets have names of letters, digits and underscores': asLoose,
  'datasets that are not there are missed by name': 'a table in one is answered with 500',
  'datasets that hold tables go only by force': 'force is not known: 404',
  'datasets are listed page by page': pages,
  'datasets are not changed by who has not seen the newest': 'If-Match is not looked at',
  'tables are listed page by page, and deleted': pages,
  'tables are not partitioned by a column that is not there': asLoose,
  'tables gain columns and lose a requirement': 'a row for the new column is answered with 500',
  'tables lose no column and change no type': asLoose,
  'tables gain no column that is required': asLoose,
  'tables that are not there are missed as the live service says it': noAnswer,
  'streamed rows hold back their neighbours where one is bad, and say which': 'all fail with 500',
  'streamed rows are taken beside bad ones where that is asked for': asLoose,
  'streamed rows without a required value are refused': 'all fail with 500',
  'streamed rows with one insertId are one': 'insertId is not looked at',
  'a value of bytes comes as it is': noAnswer,
  'queries without a parameter that they name are refused': noAnswer,
  'queries know a default dataset': 'it is not looked at',
  'queries with a mistake are refused with its place': noAnswer,
  'queries that are no SQL are refused with the place': noAnswer,
  'queries that divide by zero fail, safely divided they do not': noAnswer,
  'queries count from windows and keep what qualifies': noAnswer,
  'queries unnest what is nested, with its place': 'the column is named (i - 1)',
  'queries write their answer into a table that is named': 'the table stays empty',
  'queries overwrite that table only where they say so': 'the table stays empty',
  'jobs are found by their id, done, with their times': 'jobType is not told',
  'jobs of one id are one': 'the second one is run too',
  'changes insert, update and delete, and say how many': 'DELETE without FROM is not known',
  'changes touch all rows only where they say so': asLoose,
  'changes merge no two rows into one': asLoose,
  'changes refuse NULL where a value is required, and change nothing': noAnswer,
  'definitions create a table once': noAnswer,
  'definitions drop a table once, or where it is there': noAnswer,
  'definitions make no view of what is not there': asLoose,
  'loads take lines of JSON and say how many': 'bad records are not told',
  'loads take CSV with a heading, quotes and empty cells': 'two quotes are NULL',
  'loads take what is gzipped': 'it is read as it is',
  'loads take as many bad rows as they say': 'maxBadRecords is not looked at',
  'loads lose what no column takes where that is asked for': asLoose,
  'loads add columns where they may': 'the column is lost',
  'loads of one job id are one': 'the second one is run too',
  'loads of a table that is not there, without a schema, fail': words,
  'Storage Write a stream that is not there is missed': 'it is refused as no name of a stream',
  'Storage Write a buffered stream is seen as far as it is flushed':
    'the row at the offset itself stays hidden',
  'Storage Write rows arrive as they were sent, nested ones too':
    'nested rows are answered with UNKNOWN',
  'Storage Write a row that is bad is named, and its request is refused whole':
    'it is answered with UNKNOWN',
}

// One server for each suite: both make the dataset d.
for (const contract of [bigQueryContract, storageWriteContract]) {
  const peer = await start()
  describe.skipIf(peer === undefined)('bqemulator', () => {
    contract({
      name: 'bqemulator',
      start: async () => {
        const [address = '', storageAddress = ''] = peer?.addresses ?? []
        return { address, storageAddress, close: async () => peer?.close() }
      },
      knownDifferences: known,
    })
  })
}
