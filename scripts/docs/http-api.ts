// http-api.ts — docs/http-api.md: every route with its shapes, from protocol/routes.ts.
import { errors, routes, type ErrorCode, type Route } from '@kagami/protocol'
import { code, fieldTable, GENERATED, namedShapes, shapes, table, typeOf, type Shape } from './markdown.ts'

const TAGS: Readonly<Record<Route['tag'], string>> = {
  v0: 'Routes at the root',
  fleet: 'Fleet',
  workers: 'Workers',
  replicas: 'Replicas',
  resources: 'Mirrors',
  syncs: 'Syncs',
  live: 'Live',
  system: 'System',
}

const INTRODUCTION = [
  'The supervisor listens on `SUPERVISOR_HTTP_ADDR`. Bodies are JSON in snake_case. Routes at the root give ' +
    'times in Unix seconds; those under `/api/v1` in RFC 3339, UTC (*instant* below). The same reference is ' +
    'served as `/openapi.json`, and as a page at `/docs`.',
  'Reading needs no token. Writing needs `Authorization: Bearer TOKEN` unless `SUPERVISOR_AUTH=none`; a write from a ' +
    'page of another origin is refused. An error has the shape [ErrorBody](#errorbody); its codes are in ' +
    '[errors.md](errors.md). Beside the codes listed here, any route may answer `internal` or `unavailable`.',
  'Lists come in pages: `{items, next_cursor, total}`. Send `next_cursor` back as `cursor` until it is null. A ' +
    'cursor names the last item of its page: what stays as it is comes once, whatever comes and goes meanwhile.',
  'Also served, and not part of the reference: `GET /healthz` (this process lives), `GET /readyz` (NATS and ' +
    'database answer; 503 and what is missing otherwise), `GET /metrics` (Prometheus), `GET /ui/`, and `GET /`, ' +
    'which redirects there.',
]

/** The page. */
export function httpReference(): string {
  const all = Object.entries(routes) as [string, Route][]
  const roots = all.flatMap(([, { response, body }]) =>
    [response, body].filter((shape) => shape !== undefined),
  ) as Shape[]
  const tags = (Object.keys(TAGS) as Route['tag'][]).filter((tag) => all.some(([, route]) => route.tag === tag))
  const parts = [
    '# HTTP API',
    GENERATED,
    ...INTRODUCTION,
    ...tags.flatMap((tag) => [
      `## ${TAGS[tag]}`,
      ...all.filter(([, route]) => route.tag === tag).map(([, route]) => section(route)),
    ]),
    '## Shapes',
    ...namedShapes([...roots, ...errorShape()]).map(([name, shape]) => `### ${name}\n\n${fieldTable(shape)}`),
  ]
  return `${parts.join('\n\n')}\n`
}

/** The shape of errors, which every route may answer with and none declares. */
function errorShape(): Shape[] {
  return [...shapes].flatMap(([shape, name]) => (name === 'ErrorBody' ? [shape as Shape] : []))
}

function section(route: Route): string {
  const parts = [
    `### ${route.method} ${route.path}`,
    `${route.summary.replace(/\.?$/, '.')}${route.write ? ' Needs a token.' : ''}`,
  ]
  parts.push(...parametersOf('query', route.query), ...parametersOf('header', route.headers))
  if (route.body) parts.push(`Body: ${bodyOf(route.body)}`)
  parts.push(`Success: ${route.status}${answerOf(route)}.${refusalsOf(route)}`)
  return parts.join('\n\n')
}

function parametersOf(part: 'query' | 'header', shape: Shape | undefined): string[] {
  const fields = Object.entries(shape?.properties ?? {})
  if (fields.length === 0) return []
  const row = ([name, field]: [string, Shape]) => [
    code(name),
    typeOf({ ...field, maxLength: undefined }),
    meaning(field),
  ]
  return [table([part, 'type', 'meaning'], fields.map(row))]
}

function meaning({ description, default: preset }: Shape): string {
  const text = preset === undefined ? null : `default ${JSON.stringify(preset)}`
  return [description, text].filter(Boolean).join('; ')
}

function bodyOf(shape: Shape): string {
  if (shapes.has(shape)) return typeOf(shape)
  return shape.properties ? `\n\n${fieldTable(shape)}` : typeOf(shape)
}

function answerOf(route: Route): string {
  if (route.produces) return `, ${code(route.produces)}`
  const response: Shape | undefined = route.response
  if (!response) return ', empty'
  const items = response.properties?.['items']
  return items && response.properties?.['next_cursor']
    ? `, a page of ${typeOf(items.items ?? {})}`
    : `, ${typeOf(response)}`
}

function refusalsOf(route: Route): string {
  const codes = [
    ...(route.refuses ?? []),
    ...(route.write ? ['unauthorized', 'too_many_attempts', 'too_many_writes'] : []),
    ...(route.params || route.query || route.body ? ['invalid_request'] : []),
  ]
  if (codes.length === 0) return ''
  return ` Refusals: ${codes.map((name) => `${errors[name as ErrorCode].status} ${code(name)}`).join(', ')}.`
}
