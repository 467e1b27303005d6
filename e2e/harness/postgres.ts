// postgres.ts — A real PostgreSQL server for the tests of one file.
import { inject } from 'vitest'
import type { Place } from './place.ts'
import { openPostgres, type PostgresServer } from './postgres-server.ts'

/** Starts a server and returns its URL. */
export async function startPostgres(place: Place): Promise<string> {
  return (await startPostgresServer(place)).url
}

/** Starts a server that can be stopped and started again. */
export async function startPostgresServer(place: Place): Promise<PostgresServer> {
  const server = await openPostgres(inject('tools').postgres, place.at('postgres'))
  place.onEnd(() => server.stop())
  return server
}
