// rsyncd.test.ts — What serve-config writes for rsync --daemon: the real daemon hides what is Kagami's own from every
// client, and gives out all that is an upstream's.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { freePort } from '@kagami/demo'
import { startChild, stopChild, untilListening } from '@kagami/demo/child'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { runKagami } from '../testing/run-kagami.ts'
import { fillServedFolder, HIDDEN, SECRET, SERVED } from '../testing/served-folder.ts'

const root = mkdtempSync(join(tmpdir(), 'kagami-serve-'))
const dir = join(root, '.kagami', 'mirrors')
const into = join(root, 'into')
beforeAll(() => {
  execFileSync('chmod', ['755', root])
  mkdirSync(dir, { recursive: true })
  fillServedFolder(dir)
})
afterEach(() => rmSync(into, { recursive: true, force: true }))
afterAll(() => rmSync(root, { recursive: true }))

const isRoot = process.getuid?.() === 0

describe.each([['use chroot = yes', isRoot] as const, ['use chroot = no', true] as const])(
  'with %s',
  (chroot, able) => {
    const here = it.runIf(able)
    let module: string
    let stop = () => Promise.resolve()
    beforeAll(async () => {
      const port = await freePort()
      const file = join(root, `${chroot.replaceAll(' ', '')}.conf`)
      const line = `serve-config rsyncd --dir ${dir} --name pub --listen 127.0.0.1:${port} --output ${file}`
      expect(await runKagami(line)).toMatchObject({ code: 0, stdout: '' })
      const text = readFileSync(file, 'utf8').replace('use chroot = yes', chroot)
      writeFileSync(file, able ? text : '')
      if (!able) return
      const child = startChild('rsync', ['--daemon', '--no-detach', `--config=${file}`, '--log-file=/dev/null'], {
        noInput: true,
      })
      stop = () => stopChild(child)
      await untilListening(child, port)
      module = `rsync://127.0.0.1:${port}/pub`
    })
    afterAll(() => stop())

    /** What a client got: its words, and whether one of the secrets is among the files. */
    const fetch = (...args: string[]) => {
      mkdirSync(into, { recursive: true })
      const { status, stdout, stderr } = spawnSync('rsync', [...args, `${into}/`], { encoding: 'utf8' })
      const leaked = spawnSync('grep', ['-rlF', SECRET, into], { encoding: 'utf8' }).stdout
      return { status, words: stdout + stderr, leaked }
    }

    here.each(HIDDEN)('gives out %s to no client that asks for it by name', (path) => {
      const [folder, plain] = [dirname(path), path.replaceAll(/[*?[\\]/g, '\\$&')]
      const asked = [
        plain,
        `${dirname(plain)}/`,
        dirname(plain),
        `./${plain}`,
        `/${plain}`,
        plain.replaceAll('/', '//'),
        plain.replaceAll('/', '/./'),
        `plain/../${plain}`,
        `swapped/../${plain}`,
        `nothing/../${plain}`,
        `plain/link/../../${plain}`,
        `../${plain}`,
        `${folder.slice(0, -1)}?/`,
        `${folder.slice(0, -2)}*/`,
        path.replace(/[a-z]/, '[$&]'),
        '.[a-z]*/',
        '*/.[!.]*',
        `${plain}/`,
        `${plain}/.`,
      ]
      // One connection for all of them; one that leaves the module ends it, so each of these has its own.
      const staying = asked.filter((one) => !one.includes('..'))
      const leaving = HIDDEN.indexOf(path) < 4 ? asked.filter((one) => one.includes('..')) : []
      for (const questions of [staying, ...leaving.map((one) => [one])]) {
        const { leaked } = fetch('-rL', '--', ...questions.map((question) => `${module}/${question}`))
        expect([questions, leaked]).toEqual([questions, ''])
      }
    })

    here.each([
      ['-a', '--include=.kagami', '--include=*'],
      ['-aL', '--filter=!', '--filter=+ .generations/***'],
      ['-aL', '--include=.kagami/***', '--include=.generations/***', '--include=*.kagami-part'],
      ['-aL', '--no-implied-dirs', '--filter=R .kagami', '--filter=S .kagami'],
      ['-aL', '--delete-excluded', '--delete'],
      ['-aL', '--protect-args'],
      ['-aL', '--old-args'],
      ['-aLHAXS', '--fake-super', '--munge-links'],
      ['-rL', '--ignore-errors', '--from0'],
    ])('gives them out with the whole module to no client: %s %s %s', (...way) => {
      const { leaked } = fetch(...way, `${module}/`)
      expect(leaked).toBe('')
      expect(readFileSync(join(into, 'plain', 'link', 'a.txt'), 'utf8')).toBe(SERVED['plain/sub/a.txt'])
      for (const name of ['.kagami', '.generations', 'plain/.~tmp~']) expect(existsSync(join(into, name))).toBe(false)
    })

    here('gives them out to no client that names them in a list', () => {
      const list = join(root, 'list')
      writeFileSync(list, HIDDEN.map((path) => `${path}\n/${path}\nplain/../${path}\n`).join(''))
      const { words, leaked } = fetch('-rL', `--files-from=${list}`, `${module}/`)
      expect([leaked, words]).toEqual(['', expect.not.stringContaining(SECRET)])
      const remote = fetch('-rL', '--files-from=:.kagami/worker-id', `${module}/`)
      expect([remote.leaked, remote.words]).toEqual(['', expect.stringContaining('rejected')])
    })

    here('lists none of them', () => {
      const { stdout } = spawnSync('rsync', ['-r', '--list-only', `${module}/`], { encoding: 'utf8' })
      const names = stdout.split('\n').map((line) => line.slice(line.indexOf(':') + 7))
      expect(names.filter((name) => HIDDEN.includes(name))).toEqual([])
      expect(names).toEqual(expect.arrayContaining(['plain/.htaccess', 'plain/.git/HEAD', 'plain/.kagami.yml']))
    })

    here('gives out everything of an upstream, also through the link of a copy that is swapped', () => {
      expect(fetch('-a', '--copy-links', `${module}/`).status).toBe(0)
      for (const [path, text] of Object.entries(SERVED))
        expect([path, readFileSync(join(into, path), 'utf8')]).toEqual([path, text])
      rmSync(into, { recursive: true })
      expect(fetch('-a', `${module}/swapped/`)).toMatchObject({ status: 0, words: '' })
      expect(readFileSync(join(into, 'sub', 'b.txt'), 'utf8')).toBe(SERVED['swapped/sub/b.txt'])
    })

    here('takes nothing, and reads no whole tree for checksums', () => {
      const upload = spawnSync('rsync', ['-r', `${root}/`, `${module}/plain/`], { encoding: 'utf8' })
      expect([upload.status === 0, upload.stderr]).toEqual([false, expect.stringContaining('read only')])
      const sums = fetch('-rc', `${module}/plain/`)
      expect([sums.status === 0, sums.words]).toEqual([false, expect.stringContaining('refuse')])
    })
  },
)
