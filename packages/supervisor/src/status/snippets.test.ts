// snippets.test.ts — The text of every snippet.
import { describe, expect, test } from 'vitest'
import { encodeName, snippetsFor, type Served } from './snippets.ts'

const served = (name: string, change: Partial<Served> = {}): Served => ({
  name,
  url: `https://mirror.example.org/${encodeName(name)}`,
  host: 'mirror.example.org',
  kinds: ['rsync'],
  upstream: 'rsync://upstream.example/module/',
  ...change,
})

/** Snippets as one text. */
const textFor = (name: string, change: Partial<Served> = {}) =>
  snippetsFor(served(name, change))
    .map(({ title, text }) => `--- ${title}\n${text}`)
    .join('')

const apt = (name: string, path: string, [release, suites, components, keys]: readonly string[]) => `\
--- /etc/apt/sources.list.d/${name}.sources
# Put the name of your release in place of ${release}.
Types: deb
URIs: https://mirror.example.org/${path}/
Suites: ${suites}
Components: ${components}
Signed-By: /usr/share/keyrings/${keys}
`

const yum = (id: string, path: string, key: string, name = id) => `\
[${id}]
name=${name} ${id}
baseurl=https://mirror.example.org/${path}
enabled=1
gpgcheck=1
gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-${key}
`

const DEBIAN_KEYS = 'debian-archive-keyring.gpg'
const FEDORA_KEY = 'fedora-$releasever-$basearch'
const UBUNTU = [
  'noble',
  'noble noble-updates noble-backports noble-security',
  'main restricted universe multiverse',
  'ubuntu-archive-keyring.gpg',
]

const expected: Readonly<Record<string, string>> = {
  debian: apt('debian', 'debian', ['trixie', 'trixie trixie-updates', 'main non-free-firmware', DEBIAN_KEYS]),
  'debian-security': apt('debian-security', 'debian-security', [
    'trixie',
    'trixie-security',
    'main non-free-firmware',
    DEBIAN_KEYS,
  ]),
  'deb-multimedia': apt('deb-multimedia', 'deb-multimedia', [
    'trixie',
    'trixie',
    'main non-free',
    'deb-multimedia-keyring.pgp',
  ]),
  'debian-multimedia': apt('deb-multimedia', 'debian-multimedia', [
    'trixie',
    'trixie',
    'main non-free',
    'deb-multimedia-keyring.pgp',
  ]),
  ubuntu: apt('ubuntu', 'ubuntu', UBUNTU),
  'ubuntu-ports': apt('ubuntu', 'ubuntu-ports', UBUNTU),
  archlinux: '--- /etc/pacman.d/mirrorlist\nServer = https://mirror.example.org/archlinux/$repo/os/$arch\n',
  archlinuxarm: '--- /etc/pacman.d/mirrorlist\nServer = https://mirror.example.org/archlinuxarm/$arch/$repo\n',
  archlinuxcn: '--- /etc/pacman.conf\n[archlinuxcn]\nServer = https://mirror.example.org/archlinuxcn/$arch\n',
  fedora:
    `--- /etc/yum.repos.d/fedora.repo\n` +
    yum('fedora', 'fedora/releases/$releasever/Everything/$basearch/os/', FEDORA_KEY) +
    `--- /etc/yum.repos.d/fedora-updates.repo\n` +
    yum('updates', 'fedora/updates/$releasever/Everything/$basearch/', FEDORA_KEY, 'fedora-updates'),
  rocky:
    `--- /etc/yum.repos.d/rocky.repo\n` +
    yum('baseos', 'rocky/$releasever/BaseOS/$basearch/os/', 'Rocky-$releasever', 'rocky') +
    yum('appstream', 'rocky/$releasever/AppStream/$basearch/os/', 'Rocky-$releasever', 'rocky'),
  almalinux:
    `--- /etc/yum.repos.d/almalinux-baseos.repo\n` +
    yum('baseos', 'almalinux/$releasever/BaseOS/$basearch/os/', 'AlmaLinux-$releasever', 'almalinux-baseos') +
    `--- /etc/yum.repos.d/almalinux-appstream.repo\n` +
    yum('appstream', 'almalinux/$releasever/AppStream/$basearch/os/', 'AlmaLinux-$releasever', 'almalinux-appstream'),
  epel: `--- /etc/yum.repos.d/epel.repo\n${yum('epel', 'epel/$releasever/Everything/$basearch/', 'EPEL-$releasever')}`,
  alpine:
    '--- /etc/apk/repositories\nhttps://mirror.example.org/alpine/latest-stable/main\n' +
    'https://mirror.example.org/alpine/latest-stable/community\n',
  pypi: '--- ~/.config/pip/pip.conf\n[global]\nindex-url = https://mirror.example.org/pypi/simple/\n',
  npm: '--- ~/.npmrc\nregistry=https://mirror.example.org/npm/\n',
  anything: '--- rsync\nrsync -rtlv rsync://mirror.example.org/anything/ .\n',
}

describe('what a visitor copies to use a mirror', () => {
  test.each(Object.entries(expected))('called %s', (name, text) => {
    expect(textFor(name)).toBe(text)
  })

  test('of python packages over http trusts the host, which pip asks for', () => {
    expect(textFor('pypi', { url: 'http://m.example/pypi', host: 'm.example' })).toBe(
      '--- ~/.config/pip/pip.conf\n[global]\nindex-url = http://m.example/pypi/simple/\ntrusted-host = m.example\n',
    )
  })

  test('of a git kind clones it, and has git use it in place of its upstream', () => {
    const upstream = 'https://git.example/linux.git'
    const clone = '--- git\ngit clone https://mirror.example.org/linux.git\n'
    expect(textFor('linux.git', { kinds: ['git-lfs'], upstream })).toBe(
      `${clone}--- ~/.gitconfig\n[url "https://mirror.example.org/linux.git"]\n\tinsteadOf = ${upstream}\n`,
    )
    for (const hostile of [null, 'git://a"]\n[core]/x', 'git://a/x;y'])
      expect(textFor('linux.git', { kinds: ['git'], upstream: hostile })).toBe(clone)
  })

  test('of any other kind is its address alone', () => {
    expect(snippetsFor(served('anything', { kinds: ['http'] }))).toEqual([])
  })

  test('has no name that means something else in a URL, a shell or a file', () => {
    const name = `a'b"c$(x);\n[core]/..#?&%<\u202e`
    expect(encodeName(name)).toMatch(/^[\w.~%-]+$/)
    expect(decodeURIComponent(encodeName(name))).toBe(name)
    expect(textFor(name)).toMatch(/^--- rsync\nrsync -rtlv rsync:\/\/mirror\.example\.org\/[\w.~%-]+\/ \.\n$/)
  })
})
