// Google's Pub/Sub clients for one target. Their packages load with the first call, not with this file.

import type { PubSub, v1 } from '@google-cloud/pubsub'
import { checkTarget, standInOf } from './target.ts'
import type { GoogleTarget } from './target.ts'

export interface PubSubClients {
  /** The client as applications use it. */
  client: PubSub
  /** Its lower half, call by call. */
  publisher: v1.PublisherClient
  subscriber: v1.SubscriberClient
  close(): Promise<void>
}

export async function connectPubSub(
  target: GoogleTarget,
  env: NodeJS.ProcessEnv = {},
): Promise<PubSubClients> {
  checkTarget(target, env)
  const { PubSub, v1 } = await import('@google-cloud/pubsub')
  const client = new PubSub(await clientOptions(target))
  // The client's own settings, in the type of its lower half.
  const config = (await client.getClientConfig()) as ConstructorParameters<
    typeof v1.PublisherClient
  >[0]
  const publisher = new v1.PublisherClient(config)
  const subscriber = new v1.SubscriberClient(config)
  return {
    client,
    publisher,
    subscriber,
    async close() {
      await Promise.all([client.close(), publisher.close(), subscriber.close()])
    },
  }
}

type ClientOptions = NonNullable<ConstructorParameters<typeof PubSub>[0]>

async function clientOptions(target: GoogleTarget): Promise<ClientOptions> {
  const { projectId } = target
  if (target.mode === 'google') return { projectId }
  const { PassThroughClient } = await import('google-auth-library')
  // Without a login of its own the client looks for Google's metadata server, and may send a real token to a stand-in.
  const authClient = new PassThroughClient()
  return {
    projectId,
    authClient,
    emulatorMode: true,
    apiEndpoint: standInOf(target, 'pubsub'),
  }
}
