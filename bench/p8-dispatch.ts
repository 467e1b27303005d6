// p8-dispatch.ts — P8: from `POST sync` to the tool running on the worker, over a bare NATS request that spawns the
// same tool.
//
// Ours: a real supervisor and a real worker, as processes, SQLite and the worker's state on disk. Between the POST and
// the start of the tool are: HTTP, the decision and its audit entry committed to SQLite, the document written to the
// bucket, the hint, the worker's read of its document, durable records of the request and of the running sync, and the
// containment that ends a tool with its sync. Peer: a process that waits for a NATS request and calls spawn(). It
// stores nothing, checks nothing and can leave its child running. The tool is the same script for both: an `rsync`
// first on PATH that first writes the time to a file. Both are measured with the same file, so that the measurement
// favours neither.
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { startNats, startProcess, startSupervisor, startWorker } from './fleet.ts'
import { duel, main, quantile, until, type Bench, type Finding } from './measure.ts'

const WORKER = 'bench-worker'
const REPLICA = 'tree'

/** The peer, as small as possible. */
const RESPONDER = `
  const { connect } = await import('@nats-io/transport-node')
  const { spawn } = await import('node:child_process')
  const connection = await connect({ servers: process.env.NATS })
  connection.subscribe('bench.spawn', {
    callback: (error, message) => {
      spawn(process.env.TOOL, ['--list-only'], { stdio: 'ignore' })
      message.respond()
    },
  })
  await connection.flush()
  connection.publish('bench.ready')
`

/** Writes an rsync that records its start time, and then behaves as if nothing were new. */
function makeTool(folder: string, times: string): string {
  const tool = join(folder, 'rsync')
  const lines = [
    '#!/bin/bash',
    `echo $EPOCHREALTIME >> ${times}`,
    'case "$*" in *--version*) echo "rsync  version 3.4.3  protocol version 32";; *--list-only*) echo ' +
      '"-rw-r--r--  1 2026/11/23 00:00:00 file";; esac',
  ]
  writeFileSync(tool, `${lines.join('\n')}\n`)
  chmodSync(tool, 0o755)
  return tool
}

/** Unix ms with microseconds, as the tool's own clock shows them. */
const nowMs = () => performance.timeOrigin + performance.now()

/** Waits for the first time the tool wrote after `count` earlier ones; returns milliseconds since `from`. */
async function firstStart(times: string, count: number, from: number): Promise<number> {
  const started = await until('the tool has started', () => readTimes(times)[count])
  return started * 1000 - from
}

const readTimes = (times: string) => readFileSync(times, 'utf8').split('\n').filter(Boolean).map(Number)

async function post(url: string, body: unknown): Promise<void> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!answer.ok) throw new Error(`POST ${url} was answered with ${answer.status}: ${await answer.text()}`)
  await answer.arrayBuffer()
}

/** How long each step on the way took, as anybody on NATS can see them. */
function watchHops(connection: NatsConnection) {
  const seen = { hint: 0, told: 0, ended: 0 }
  connection.subscribe(`kagami.desired.${WORKER}`, { callback: () => void (seen.hint ||= nowMs()) })
  connection.subscribe(`kagami.worker.${WORKER}.hb`, {
    callback: (_, message) => void (message.string().includes('"activity":"syncing"') && (seen.told ||= nowMs())),
  })
  connection.subscribe(`kagami.evt.${WORKER}.report`, { callback: () => void (seen.ended = nowMs()) })
  return seen
}

async function body({ disk, quick, onEnd }: Bench): Promise<Finding[]> {
  const nats = await startNats(disk, onEnd)
  const tools = join(disk, 'tools')
  mkdirSync(tools)
  const times = join(disk, 'times')
  writeFileSync(times, '')
  const tool = makeTool(tools, times)
  const connection = await connect({ servers: nats })
  onEnd(() => connection.close())
  const ready = new Promise((resolve) => connection.subscribe('bench.ready', { callback: resolve }))
  startProcess(['--input-type=module', '-e', RESPONDER], { NATS: nats, TOOL: tool }, onEnd)
  const { url: api } = await startSupervisor(disk, nats, onEnd)
  const env = { PATH: `${tools}:${process.env['PATH'] ?? ''}` }
  startWorker(
    {
      dataDir: join(disk, 'data'),
      nats,
      id: WORKER,
      providers: [{ name: REPLICA, kind: 'rsync', upstream: 'rsync://127.0.0.1:1/files/' }],
      env,
    },
    onEnd,
  )
  await until(
    'the worker and its replica are known',
    async () => ((await (await fetch(`${api}/workers`)).json()) as { replicas: unknown[] }[])[0]?.replicas.length === 1,
  )
  await ready
  const hops = watchHops(connection)
  const steps: Record<'answered' | 'hint' | 'told' | 'started', number[]> = {
    answered: [],
    hint: [],
    told: [],
    started: [],
  }
  const contenders = {
    async ours() {
      const before = readTimes(times).length
      Object.assign(hops, { hint: 0, told: 0, ended: 0 })
      const from = nowMs()
      await post(`${api}/workers/${WORKER}/sync`, { resource: REPLICA })
      steps.answered.push(nowMs() - from)
      const took = await firstStart(times, before, from)
      steps.started.push(took)
      await until('the sync has ended', () => hops.ended > 0)
      steps.hint.push(hops.hint - from)
      steps.told.push(hops.told - from)
      return took
    },
    async peer() {
      const before = readTimes(times).length
      const from = nowMs()
      await connection.request('bench.spawn', '')
      return firstStart(times, before, from)
    },
  }
  const rounds = quick ? 20 : 100
  const { ours, peer, ratio } = await duel('POST sync → tool running', contenders, { rounds })
  for (const [step, values] of Object.entries(steps))
    console.log(
      `    ${step.padEnd(9)} after ${quantile(values, 0.5).toFixed(1)} ms, p95 ${quantile(values, 0.95).toFixed(1)}`,
    )
  // The medians' ratio: single runs differ by more than the two contenders do.
  return [
    {
      goal: 'P8',
      what: 'POST sync → tool running',
      peer: 'a bare NATS request that spawns it',
      ratio: { ...ratio, median: ours.median / peer.median },
      promise: '≤ 2',
      met: ours.median / peer.median <= 2,
      note: `${ours.median.toFixed(1)} against ${peer.median.toFixed(1)} ms`,
    },
  ]
}

await main('P8 dispatch', body)
