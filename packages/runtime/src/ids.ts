// ids.ts — Creates ids: random ones in order of time, and stable ones derived from names.
import { v5, v7 } from 'uuid'

/** A new id; later ids sort after earlier ones. */
export const newId = (): string => v7()

const NAMESPACE = '7b0ab2a4-5d0e-5c52-9b5e-6b6167616d69'

/** The id of a replica declared in worker.toml: always the same for a worker and a name. */
export const replicaIdOf = (workerId: string, name: string): string => v5(`${workerId}/${name}`, NAMESPACE)
