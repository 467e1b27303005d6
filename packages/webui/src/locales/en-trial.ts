// en-trial.ts — English: an upstream is tested.
export const trial = {
  trial: {
    title: 'Test of the upstream',
    what: 'the test',
    button: 'Test upstream',
    needs: 'Fill in upstream, kind and worker first.',
    running: '{worker} asks the upstream: {n} s of 10 s at most',
    good: '{worker} can mirror it, as far as a test tells',
    bad: '{worker} could not sync it now',
    ok: 'ok',
    failed: 'failed',
    free: '{free} free on {worker}',
    save: 'It can be saved nevertheless: syncs are tried again by themselves.',
  },
  trialStep: {
    settings: 'Settings',
    address: 'Address',
    proxy: 'Proxy',
    dns: 'DNS',
    connection: 'Connection',
    tls: 'TLS',
    answer: 'Upstream',
  },
}
