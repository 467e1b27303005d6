// p3-http.ts — P3: what an http sync of 1 GiB costs over `curl -o`, and by how much the process grows meanwhile.
// The server and our side run as processes of their own: `p3-http.ts serve`, `p3-http.ts sync`.
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { duel, main, run, spread, timed, type Bench, type Finding } from './measure.ts'

const MIB = 1024 ** 2
const GROWTH_MAX_MIB = 60

/** Serves `/<MiB>/<name>`: that many MiB out of one buffer, so that the server costs next to nothing. */
function serve(): void {
  const piece = Buffer.alloc(MIB, 'kagami')
  const server = createServer((request, response) => {
    const pieces = Number(request.url?.split('/')[1])
    response.writeHead(200, {
      'content-length': pieces * MIB,
      etag: `"${pieces}"`,
      'last-modified': 'Mon, 23 Nov 2026 00:00:00 GMT',
    })
    let left = pieces
    const more = () => {
      while (left > 0) {
        left--
        if (!response.write(piece)) return
      }
      response.end()
    }
    response.on('drain', more)
    more()
  })
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as { port: number }).port))
}

/** Syncs what it is told, one after the other; answers with the time and by how much the process grew at its peak. */
async function sync(): Promise<void> {
  const { syncOnce } = await import('./sync.ts')
  const measure = async ({ dataDir, name, upstream }: { dataDir: string; name: string; upstream: string }) => {
    const before = process.memoryUsage.rss()
    let most = before
    const look = setInterval(() => (most = Math.max(most, process.memoryUsage.rss())), 5)
    const ms = await syncOnce(dataDir, { name, kind: 'http', upstream })
    clearInterval(look)
    process.send?.({ ms, grownMib: (most - before) / MIB })
  }
  process.on('message', (task) => void measure(task as Parameters<typeof measure>[0]))
  process.send?.('ready')
}

/** A process of this file, ready. */
async function started(
  part: 'serve' | 'sync',
  onEnd: Bench['onEnd'],
): Promise<{ child: ChildProcess; first: unknown }> {
  const child = fork(import.meta.filename, [part])
  onEnd(() => child.kill())
  const [first] = (await once(child, 'message')) as [unknown]
  return { child, first }
}

async function body({ dir, quick, onEnd }: Bench): Promise<Finding[]> {
  const [mib, rounds] = quick ? [128, 3] : [1024, 7]
  const { first: port } = await started('serve', onEnd)
  const address = (size: number, name: string) => `http://127.0.0.1:${String(port)}/${size}/${name}`
  const ask = async (child: ChildProcess, name: string, size: number) => {
    child.send({ dataDir: join(dir, 'ours'), name, upstream: address(size, 'file.bin') })
    const [answer] = (await once(child, 'message')) as [{ ms: number; grownMib: number }]
    rmSync(join(dir, 'ours', name), { recursive: true })
    return answer
  }
  const { child } = await started('sync', onEnd)
  const file = join(dir, 'peer.bin')
  const time = await duel(
    `${mib} MiB`,
    {
      ours: async (round) => (await ask(child, `r${round}`, mib)).ms,
      async peer() {
        const took = await timed(() => run('curl', ['-s', '-o', file, address(mib, 'file.bin')]))
        rmSync(file)
        return took
      },
    },
    { rounds },
  )
  const growth: { small: number; large: number }[] = []
  for (let round = 0; round < 3; round++) {
    // A fresh process that has loaded everything: what it grows by is this sync's.
    const { child } = await started('sync', onEnd)
    await ask(child, 'warm', 1)
    const small = (await ask(child, 'small', mib / 16)).grownMib
    growth.push({ small, large: (await ask(child, 'large', mib)).grownMib })
    child.kill()
  }
  const large = spread(growth.map((sample) => sample.large))
  const small = spread(growth.map((sample) => sample.small))
  return [
    {
      goal: 'P3',
      what: `http sync, ${mib} MiB`,
      peer: '`curl -o`',
      ratio: time.ratio,
      promise: '≤ 1.15',
      met: time.ratio.median <= 1.15,
    },
    {
      goal: 'P3',
      what: `http sync, ${mib} MiB, growth of RSS in MiB`,
      peer: 'nothing',
      ratio: large,
      promise: `≤ ${GROWTH_MAX_MIB}`,
      met: large.max <= GROWTH_MAX_MIB,
      note: `${small.median.toFixed(0)} MiB with a 16th of the size`,
    },
  ]
}

if (process.argv[2] === 'serve') serve()
else if (process.argv[2] === 'sync') await sync()
else await main('P3 http', body)
