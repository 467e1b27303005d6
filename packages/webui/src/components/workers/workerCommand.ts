// workerCommand.ts — The command line that starts a worker, to be copied.
import type { Session } from '@kagami/protocol'

/** The command line, with the address of NATS where the supervisor tells it. */
export function workerCommand(session: Session | null): string {
  const worker = 'npx kagami run worker --data-dir ./data --config worker.toml'
  if (session?.nats_locked) return `KAGAMI_JOIN_TOKEN=$(npx kagami nats token) ${worker}`
  return `${worker} --nats-url ${session?.nats_url ?? 'nats://127.0.0.1:4222'}`
}

/** Whether this address of NATS is that of the machine itself, which other machines cannot use. */
export function isHere(natsUrl: string | null | undefined): boolean {
  const host = URL.parse(natsUrl ?? 'nats://127.0.0.1')?.hostname ?? ''
  return /^(?:localhost|127\..*|\[::1\])$/.test(host)
}
