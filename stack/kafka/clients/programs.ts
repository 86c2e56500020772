// Other people's clients: which, and how each is made ready to run in a folder that is kept between runs. Nothing of theirs
// is in the repository; pip, javac and what they fetch from are the machine's own.

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describeError } from '../../base/errors.ts'

const run = promisify(execFile)

export interface Program {
  /** As its column says it. */
  client: string
  /** The command, or why there is none. */
  prepare(folder: Folders): Promise<string[] | { absent: string }>
}

export interface Folders {
  /** Where clients are kept. */
  cache: string
  /** With `tools/kafka/jars`. */
  shared: string
}

export const programs: readonly Program[] = [
  java('kafka-clients 4.3.1', 'kafka-clients.java', 'KafkaClients'),
  java('kafka-streams 4.3.1', 'kafka-streams.java', 'KafkaStreamsSessions'),
  // Its wheels end with Python 3.10.
  python('confluent-kafka 1.9.2', 'librdkafka.py', {
    packages: ['confluent-kafka==1.9.2'],
    interpreters: ['python3.10', 'python3.9', 'python3.8'],
  }),
  python('confluent-kafka 2.16.1', 'librdkafka.py', { packages: ['confluent-kafka==2.16.1'] }),
  python('kafka-python 3.0.12', 'kafka_python.py', {
    packages: ['kafka-python==3.0.12', 'python-snappy==0.7.3', 'lz4==4.4.5', 'zstandard==0.25.0'],
  }),
  python('aiokafka 0.14.0', 'asyncio_client.py', {
    packages: ['aiokafka==0.14.0', 'cramjam==2.14.0'],
  }),
]

function python(
  client: string,
  file: string,
  { packages, interpreters = ['python3'] }: { packages: string[]; interpreters?: string[] },
): Program {
  return {
    client,
    async prepare({ cache }) {
      const folder = join(cache, client.replaceAll(' ', '-'))
      const interpreter = join(folder, 'bin', 'python')
      const mark = join(folder, 'installed')
      let why = ''
      for (const each of existsSync(mark) ? [] : interpreters) {
        try {
          await run('env', [...(await called(each)), '-m', 'venv', '--clear', folder])
          await run(interpreter, ['-m', 'pip', 'install', '--only-binary', ':all:', ...packages])
          await writeFile(mark, packages.join('\n'))
          break
        } catch (error) {
          why = `${each}: ${lastLine(describeError(error))}`
        }
      }
      return existsSync(mark) ? [interpreter, fileHere(file)] : { absent: why }
    },
  }
}

function java(client: string, file: string, main: string): Program {
  return {
    client,
    async prepare({ cache, shared }) {
      try {
        const { stdout } = await run(join(shared, 'tools/kafka/jars'), [])
        const jars = join(stdout.trim(), '*')
        const classes = join(cache, main)
        await mkdir(classes, { recursive: true })
        await run('javac', ['-cp', jars, '-d', classes, fileHere(file)])
        const quiet = `-Dlog4j2.configurationFile=${join(shared, 'tools/kafka/log4j2.properties')}`
        const small = ['-Xmx256m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC']
        return ['java', ...small, quiet, '-cp', `${classes}:${jars}`, main]
      } catch (error) {
        return { absent: lastLine(describeError(error)) }
      }
    },
  }
}

/** Where pyenv keeps several Pythons, only those named in PYENV_VERSION can be called by their version. */
async function called(interpreter: string): Promise<string[]> {
  if (interpreter === 'python3') return [interpreter]
  const { stdout } = await run('pyenv', ['versions', '--bare']).catch(() => ({ stdout: '' }))
  const kept = stdout.trim().split('\n').filter(Boolean)
  return kept.length > 0 ? [`PYENV_VERSION=${kept.join(':')}`, interpreter] : [interpreter]
}

function fileHere(name: string): string {
  return new URL(name, import.meta.url).pathname
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? ''
}
