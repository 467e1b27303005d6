// workerCommand.ts — The command line that starts a worker, to be copied.

/** The command line. The reader fills in the address of an open NATS, or runs it where a join token can be made. */
export function workerCommand(natsLocked: boolean | undefined): string {
  const worker = 'npx kagami run worker --data-dir ./data --config worker.toml'
  return natsLocked
    ? `KAGAMI_JOIN_TOKEN=$(npx kagami nats token) ${worker}`
    : `${worker} --nats-url nats://127.0.0.1:4222`
}
