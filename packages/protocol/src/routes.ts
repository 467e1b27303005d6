// routes.ts — Every HTTP route, joined from routes/. Validation, OpenAPI, the typed client, the handlers' types and the
// reference are made from this table.
import { accessRoutes } from './routes/access.ts'
import { actionRoutes } from './routes/actions.ts'
import { bulkRoutes } from './routes/bulk.ts'
import { replicaRoutes } from './routes/replicas.ts'
import { resourceRoutes } from './routes/resources.ts'
import type { Route } from './routes/route.ts'
import type { Role } from './views/access.ts'
import { storageRoutes } from './routes/storage.ts'
import { syncRoutes } from './routes/syncs.ts'
import { systemRoutes } from './routes/system.ts'
import { v0Routes } from './routes/v0.ts'
import { workerRoutes } from './routes/workers.ts'

export type { Route } from './routes/route.ts'
export { AddReplica } from './routes/v0.ts'

/** Every route by its name, which is also its operationId in OpenAPI. */
export const routes = {
  ...v0Routes,
  ...systemRoutes,
  ...accessRoutes,
  ...workerRoutes,
  ...actionRoutes,
  ...replicaRoutes,
  ...bulkRoutes,
  ...resourceRoutes,
  ...syncRoutes,
  ...storageRoutes,
} satisfies Record<string, Route>

export type Routes = typeof routes

/** The names of the routes. */
export type RouteName = keyof Routes

/** The role that a route takes; null: everybody may use it. */
export function roleFor({ role, write }: Route): Role | null {
  if (role === 'anyone') return null
  return role ?? (write ? 'operator' : null)
}

/** The path of a route with its parameters filled in and escaped. */
export function pathFor(route: Route, params: Record<string, string> = {}): string {
  return route.path.replace(/\{(\w+)\}/g, (_, key: string) => encodeURIComponent(params[key] ?? ''))
}
