// p3-http.ts — P3: the time of an http sync of 1 GiB over `curl -o`, and the growth of the process meanwhile. The
// server and our side run in separate processes: `p3-http.ts serve` and `p3-http.ts sync`.
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { duel, main, run, spread, timed, type Bench, type Finding } from './measure.ts'

const MIB = 1024 ** 2
const GROWTH_MAX_MIB = 60

/** Serves `/<MiB>/<name>`: that many MiB from one buffer, so that the server needs almost no CPU. */
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

/** Runs the syncs that it receives; answers each with its time and the largest growth of the process. */
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

/** Starts a process of this file and waits until it is ready. */
async function startPart(
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
  const { first: port } = await startPart('serve', onEnd)
  const address = (size: number, name: string) => `http://127.0.0.1:${String(port)}/${size}/${name}`
  const runSync = async (child: ChildProcess, name: string, size: number) => {
    child.send({ dataDir: join(dir, 'ours'), name, upstream: address(size, 'file.bin') })
    const [answer] = (await once(child, 'message')) as [{ ms: number; grownMib: number }]
    rmSync(join(dir, 'ours', name), { recursive: true })
    return answer
  }
  const { child } = await startPart('sync', onEnd)
  const file = join(dir, 'peer.bin')
  const time = await duel(
    `${mib} MiB`,
    {
      ours: async (round) => (await runSync(child, `r${round}`, mib)).ms,
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
    // A new process that has loaded everything, so that the growth is due to the measured sync.
    const { child } = await startPart('sync', onEnd)
    await runSync(child, 'warm', 1)
    const small = (await runSync(child, 'small', mib / 16)).grownMib
    growth.push({ small, large: (await runSync(child, 'large', mib)).grownMib })
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
