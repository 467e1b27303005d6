// up/greeting.test.ts — What `kagami up` prints: where everything is, and what is mirrored.
import { describe, expect, it } from 'vitest'
import { greeting } from './greeting.ts'

const parts = {
  nats: 'nats-server 2.11.0 on nats://127.0.0.1:4222, locked',
  supervisor: { port: 21_000 },
  worker: { id: 'w-1', httpPort: 40_001 },
  stateDir: '/srv/.kagami',
  signIn: 'http://127.0.0.1:21000/ui/#token=kgm_x',
}

describe('the greeting of kagami up', () => {
  it('says where UI, API, NATS, worker and state are', () =>
    expect(
      greeting({ ...parts, demo: null })
        .split('\n')
        .slice(1, 7),
    ).toEqual([
      'Kagami is up.',
      '  UI          http://127.0.0.1:21000/ui/#token=kgm_x',
      '  API         http://127.0.0.1:21000/docs',
      '  NATS        nats-server 2.11.0 on nats://127.0.0.1:4222, locked',
      '  Worker      w-1  (metrics http://127.0.0.1:40001/metrics)',
      '  State       /srv/.kagami',
    ]))
  it('names the upstreams of the demo, why others are missing, and a worker.toml to begin with', () => {
    const text = greeting({
      ...parts,
      demo: {
        upstreams: [{ name: 'hello-git', kind: 'git', upstream: 'http://127.0.0.1:1234/hello.git', interval_secs: 30 }],
        missing: [{ kind: 'rsync', reason: 'spawn rsync ENOENT' }],
      },
    })
    expect(text).toContain('  git    hello-git       http://127.0.0.1:1234/hello.git\n')
    expect(text).toContain('  rsync  not started: spawn rsync ENOENT\n')
    expect(text).toContain('Mirrored into /srv/.kagami/mirrors\n')
    expect(text).toContain('  [[providers]]\n  name = "linux"\n')
  })
  it('shows no worker.toml when there is one', () =>
    expect(greeting({ ...parts, demo: null })).not.toContain('[[providers]]'))
})
