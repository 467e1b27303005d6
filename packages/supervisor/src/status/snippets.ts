// snippets.ts — What a visitor copies into the configuration of a program to use a mirror: one table by the names that
// mirrors have. Pure.

/** Where a mirror is served. */
export interface Served {
  readonly name: string
  /** Its URL without a slash at the end; every character of its name that means something in URLs is encoded. */
  readonly url: string
  readonly host: string
  readonly kinds: readonly string[]
  /** As `publicUpstream` has it. */
  readonly upstream: string | null
}

/** A text to copy, and the file or program that it is for. */
export interface Snippet {
  readonly title: string
  readonly text: string
}

type Maker = (served: Served) => Snippet

const DEBIAN = 'trixie'
const UBUNTU = 'noble'
const FEDORA_KEY = 'fedora-$releasever-$basearch'
const UBUNTU_KEYS = '/usr/share/keyrings/ubuntu-archive-keyring.gpg'

/** Snippets by name. The first pattern that fits counts. */
const RECOGNISED: readonly (readonly [RegExp, readonly Maker[]])[] = [
  [/^debian$/i, [aptSource('debian', `${DEBIAN} ${DEBIAN}-updates`, 'main non-free-firmware')]],
  [/^debian-security$/i, [aptSource('debian-security', `${DEBIAN}-security`, 'main non-free-firmware')]],
  [
    /^(deb|debian)-multimedia$/i,
    [aptSource('deb-multimedia', DEBIAN, 'main non-free', '/usr/share/keyrings/deb-multimedia-keyring.pgp')],
  ],
  [
    /^ubuntu(-ports)?$/i,
    [
      aptSource(
        'ubuntu',
        ['', '-updates', '-backports', '-security'].map((part) => UBUNTU + part).join(' '),
        'main restricted universe multiverse',
        UBUNTU_KEYS,
      ),
    ],
  ],
  [/^arch(linux)?$/i, [fileOf('/etc/pacman.d/mirrorlist', ({ url }) => [`Server = ${url}/$repo/os/$arch`])]],
  [/^archlinuxarm$/i, [fileOf('/etc/pacman.d/mirrorlist', ({ url }) => [`Server = ${url}/$arch/$repo`])]],
  [/^archlinuxcn$/i, [fileOf('/etc/pacman.conf', ({ url }) => ['[archlinuxcn]', `Server = ${url}/$arch`])]],
  [
    /^fedora$/i,
    [
      yumFile('fedora', ['fedora', 'releases/$releasever/Everything/$basearch/os/', FEDORA_KEY]),
      yumFile('fedora-updates', ['updates', 'updates/$releasever/Everything/$basearch/', FEDORA_KEY]),
    ],
  ],
  [
    /^rocky(-?linux)?$/i,
    [
      yumFile(
        'rocky',
        ['baseos', '$releasever/BaseOS/$basearch/os/', 'Rocky-$releasever'],
        ['appstream', '$releasever/AppStream/$basearch/os/', 'Rocky-$releasever'],
      ),
    ],
  ],
  [
    /^alma(linux)?$/i,
    [
      yumFile('almalinux-baseos', ['baseos', '$releasever/BaseOS/$basearch/os/', 'AlmaLinux-$releasever']),
      yumFile('almalinux-appstream', ['appstream', '$releasever/AppStream/$basearch/os/', 'AlmaLinux-$releasever']),
    ],
  ],
  [/^(fedora-)?epel$/i, [yumFile('epel', ['epel', '$releasever/Everything/$basearch/', 'EPEL-$releasever'])]],
  [
    /^alpine(linux)?$/i,
    [fileOf('/etc/apk/repositories', ({ url }) => [`${url}/latest-stable/main`, `${url}/latest-stable/community`])],
  ],
  [
    /^pypi$/i,
    [
      fileOf('~/.config/pip/pip.conf', ({ url, host }) => [
        '[global]',
        `index-url = ${url}/simple/`,
        ...(url.startsWith('http:') ? [`trusted-host = ${host}`] : []),
      ]),
    ],
  ],
  [/^npm(js)?$/i, [fileOf('~/.npmrc', ({ url }) => [`registry=${url}/`])]],
]

/** The snippets for a mirror: those for its name, else for its kinds; none when its address is all there is to say. */
export function snippetsFor(served: Served): readonly Snippet[] {
  const [, makers] = RECOGNISED.find(([pattern]) => pattern.test(served.name)) ?? []
  if (makers) return makers.map((make) => make(served))
  if (served.kinds.some((kind) => kind.startsWith('git'))) return gitSnippets(served)
  if (served.kinds.includes('rsync'))
    return [{ title: 'rsync', text: `rsync -rtlv rsync://${served.host}/${encodeName(served.name)}/ .\n` }]
  return []
}

/** A name as one segment of the path of a URL, which also means the same to a shell. */
export function encodeName(name: string): string {
  return encodeURIComponent(name).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/** The URL of the files of a mirror, without a slash at the end, below the URL of a site. */
export function urlOf(site: string, name: string): string {
  return `${site}/${encodeName(name)}`
}

function fileOf(title: string, linesOf: (served: Served) => readonly string[]): Maker {
  return (served) => ({ title, text: `${linesOf(served).join('\n')}\n` })
}

function aptSource(
  name: string,
  suites: string,
  components: string,
  keys = '/usr/share/keyrings/debian-archive-keyring.gpg',
): Maker {
  const [release] = suites.split(/[ -]/)
  return fileOf(`/etc/apt/sources.list.d/${name}.sources`, ({ url }) => [
    `# Put the name of your release in place of ${release}.`,
    'Types: deb',
    `URIs: ${url}/`,
    `Suites: ${suites}`,
    `Components: ${components}`,
    `Signed-By: ${keys}`,
  ])
}

/** A section of a file of dnf: its id, the path in the mirror, and the name of the key that signs its packages. */
type YumSection = readonly [id: string, path: string, key: string]

function yumFile(file: string, ...sections: readonly YumSection[]): Maker {
  return fileOf(`/etc/yum.repos.d/${file}.repo`, ({ url }) =>
    sections.flatMap(([id, path, key]) => [
      `[${id}]`,
      `name=${file} ${id}`,
      `baseurl=${url}/${path}`,
      'enabled=1',
      'gpgcheck=1',
      `gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-${key}`,
    ]),
  )
}

function gitSnippets({ url, upstream }: Served): Snippet[] {
  const clone = { title: 'git', text: `git clone ${url}\n` }
  // In a configuration of git these would end the value, or begin a comment.
  if (upstream === null || /["\\;#\s]/.test(upstream)) return [clone]
  return [clone, { title: '~/.gitconfig', text: `[url "${url}"]\n\tinsteadOf = ${upstream}\n` }]
}
