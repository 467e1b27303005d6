// metrics.ts — The supervisor's Prometheus metrics: counted when something happens, or read when they are scraped.
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { FastifyInstance } from 'fastify'
import type { Tally } from '../core/tally.ts'
import type { Supervisor } from '../supervisor.ts'

/** Registers the metrics and times every request by route. */
export function registerMetrics(server: FastifyInstance, { services }: Supervisor): Registry {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const requests = new Histogram({
    name: 'kagami_http_request_duration_seconds',
    help: 'Requests by route and status',
    labelNames: ['route', 'status'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2],
    registers,
  })
  server.addHook('onResponse', async (request, reply) => {
    const route = (request.routeOptions.config as { route?: string }).route
    if (route) requests.observe({ route, status: String(reply.statusCode) }, reply.elapsedTime / 1000)
  })
  const byKey = (name: string, help: string, label: string, tally: Tally) =>
    new Gauge({
      name,
      help,
      labelNames: [label],
      registers,
      collect() {
        this.reset()
        for (const [key, value] of Object.entries(tally.toRecord())) this.set({ [label]: key }, value)
      },
    })
  const number = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read())
      },
    })
  byKey('kagami_workers', 'Workers by admission', 'admission', services.fleet.admissions)
  byKey('kagami_workers_presence', 'Approved workers by presence', 'presence', services.fleet.presences)
  byKey('kagami_replicas', 'Replicas of approved workers by status', 'status', services.fleet.statuses)
  byKey('kagami_replicas_health', 'Replicas of approved workers by health', 'health', services.fleet.healths)
  number('kagami_resources', 'Mirrors', () => services.fleet.resources.size)
  number('kagami_nats_connected', '1 while NATS is reached', () => Number(services.bus.connected))
  number(
    'kagami_message_rate',
    'Messages from workers per second, over the last minute',
    () => services.traffic.view(services.clock.now().getTime()).messageRate,
  )
  number(
    'kagami_command_latency_p95_ms',
    'Round trip of commands over the last 15 minutes; 0 without a sample',
    () => services.traffic.view(services.clock.now().getTime()).latency.p95,
  )
  number('kagami_stream_watchers', 'Open live streams', () => services.feed.subscribers)
  number('kagami_documents_waiting', 'Desired documents NATS does not yet hold', () => services.documents.waiting)
  return registry
}

/** Serves GET /metrics. */
export function serveMetrics(server: FastifyInstance, registry: Registry): void {
  server.get('/metrics', { schema: { hide: true } as never }, async (_, reply) =>
    reply.type(registry.contentType).send(await registry.metrics()),
  )
}
