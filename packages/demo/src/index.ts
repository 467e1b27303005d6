// index.ts — Small real upstreams on loopback, for the demo and for tests, as one import.
export * from './content.ts'
export * from './demo.ts'
export { freePort, runChild, stopChild, untilListening } from './child.ts'
export * from './git-upstream.ts'
export * from './http-upstream.ts'
export * from './rsync-upstream.ts'
export * from './ssh-upstream.ts'
export type { Credentials, Upstream } from './upstream.ts'
