// methods.ts — The methods that a path has, for the answer to one that it does not have.
import { routes, type Route } from '@kagami/protocol'

/** Paths beside those of the protocol; all are only read. */
const READ_ONLY = /^\/(healthz|readyz|metrics|openapi\.json|docs|docs\/.*|ui|ui\/.*)?$/

const table = (Object.values(routes) as Route[]).map(({ method, path }) => ({
  method,
  pattern: new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`),
}))

/** The methods that a path has, as the header Allow names them; none for a path that nothing answers. */
export function methodsOf(path: string): string[] {
  if (READ_ONLY.test(path)) return ['GET', 'HEAD']
  const found = new Set(table.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method))
  return [...found].flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).sort()
}
