// up/greeting.ts — What `kagami up` prints once everything runs: addresses, what is mirrored, how to mirror more.
import type { Demo } from '@kagami/demo'
import type { RunningSupervisor } from '@kagami/supervisor'
import type { RunningWorker } from '@kagami/worker'

export function greeting(parts: {
  nats: string
  supervisor: Pick<RunningSupervisor, 'port'>
  worker: Pick<RunningWorker, 'id' | 'httpPort'>
  demo: Pick<Demo, 'upstreams' | 'missing'> | null
  stateDir: string
  signIn: string
}): string {
  const { nats, supervisor, worker, demo, stateDir, signIn } = parts
  const lines = [
    '',
    'Kagami is up.',
    `  UI          ${signIn}`,
    `  API         http://127.0.0.1:${supervisor.port}/docs`,
    `  NATS        ${nats}`,
    `  Worker      ${worker.id}  (metrics http://127.0.0.1:${worker.httpPort}/metrics)`,
    `  State       ${stateDir}`,
    '',
  ]
  if (demo) {
    lines.push('No worker.toml here, so three small upstreams on this machine are mirrored; each changes every minute:')
    for (const { name, kind, upstream } of demo.upstreams)
      lines.push(`  ${kind.padEnd(6)} ${name.padEnd(15)} ${upstream}`)
    for (const { kind, reason } of demo.missing) lines.push(`  ${kind.padEnd(6)} not started: ${reason}`)
    lines.push(
      `  Mirrored into ${stateDir}/mirrors`,
      '',
      'To mirror something real, write a worker.toml and start again:',
      '',
    )
    lines.push(
      '  data_dir = "./mirrors"',
      '',
      '  [[providers]]',
      '  name = "linux"',
      '  kind = "git"',
      '  upstream = "https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git"',
      '  interval_secs = 3600',
      '',
    )
  }
  lines.push('In another terminal:  npx kagami status      Stop: Ctrl-C', '')
  return `${lines.join('\n')}\n`
}
