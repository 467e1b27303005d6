// commands.ts — Command lines that the UI shows to be copied.

/** Starts a worker; the address of NATS is the reader's to fill in. */
export const WORKER_COMMAND = 'npx kagami run worker --nats-url nats://127.0.0.1:4222 --data-dir ./data --config worker.toml'
