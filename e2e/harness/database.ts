// database.ts — What a test asks of the database of a supervisor, or changes in it, behind its back.
import { DatabaseSync } from 'node:sqlite'
import pg from 'pg'

/** Runs a query on the database that a URL names; returns its rows. */
export async function queryDatabase(url: string, query: string): Promise<Record<string, unknown>[]> {
  if (url.startsWith('sqlite:')) {
    const database = new DatabaseSync(url.replace('sqlite://', '').split('?')[0]!)
    try {
      return database.prepare(query).all()
    } finally {
      database.close()
    }
  }
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(query)).rows
  } finally {
    await client.end()
  }
}
