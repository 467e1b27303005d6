// protect.ts — Says which supervisor is changed, and has changes of a protected one confirmed.
import { routes, type Client } from '@kagami/protocol'
import { ConfigError } from '@kagami/runtime/config'
import { confirmTyped } from '../confirm.ts'
import { remark } from '../output.ts'
import type { NamedContext } from './contexts.ts'

/** The client of a context: before the first change the context is named, and confirmed where it is protected. */
export function createContextClient(client: Client, context: NamedContext): Client {
  let confirmed: Promise<void> | null = null
  return {
    baseUrl: client.baseUrl,
    async call(name, ...input) {
      if (routes[name].write && !isDryRun(input)) await (confirmed ??= confirmChange(context))
      return client.call(name, ...input)
    },
  }
}

/** Whether a request only asks what would be done. */
const isDryRun = ([input]: readonly unknown[]): boolean =>
  (input as { body?: { dry_run?: boolean } | null } | undefined)?.body?.dry_run === true

async function confirmChange({ name, api, explicit, protected: isProtected }: NamedContext): Promise<void> {
  remark(`context: ${name}`)
  if (!isProtected || explicit) return
  const instead = `the same command with --context ${name}`
  if (!process.stdin.isTTY)
    throw new ConfigError(`context ${name} is protected, and changes nothing unless it is named`, `Run: ${instead}`)
  await confirmTyped({
    question: `! This changes ${name} (${api}), which is protected.\nType its name to go on: `,
    answer: name,
    what: `changing ${name}`,
    instead,
  })
}
