// workerCommand.ts — Command lines that the UI shows to be copied.

/**
 * Starts a worker. What is only the reader's to know, the address of an open NATS or a token for a locked one, is
 * theirs to fill in.
 */
export function workerCommand(natsLocked: boolean | undefined): string {
  const worker = 'npx kagami run worker --data-dir ./data --config worker.toml'
  return natsLocked
    ? `KAGAMI_JOIN_TOKEN=$(npx kagami nats token) ${worker}`
    : `${worker} --nats-url nats://127.0.0.1:4222`
}
