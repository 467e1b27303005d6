// presets.ts — Upstreams that many mirrors keep, with what their own pages ask of a mirror: shape of the address,
// interval, options. Data; which one an address is of is told by recognise.ts.
import type { Labels, Options } from '../model.ts'
import type { PresetNote } from './preset-notes.ts'

/** Stands in addresses of presets where an operator writes the host of a mirror. */
export const HOST = 'HOST'

/** How a well-known upstream is mirrored. */
export interface Preset {
  readonly id: string
  /** As people call it. */
  readonly title: string
  /** Name of the replica. */
  readonly name: string
  readonly kind: 'git' | 'rsync' | 'command'
  /** Its address, or the shape of one, with `HOST` in it. */
  readonly upstream: string
  /** Regular expression, without regard to case: host and path of the addresses that are of it. */
  readonly pattern: string
  /** Seconds. */
  readonly interval_secs: number
  readonly options: Options
  readonly labels: Labels
  /** The page that says so. */
  readonly source: string
  readonly notes: readonly PresetNote[]
}

const HOUR = 3600
const distribution = { category: 'distribution' }
const language = { category: 'language' }
const code = { category: 'source' }
const hardLinks = ['--hard-links']
const branches = { refs: ['refs/heads/*', 'refs/tags/*'] }

/** All presets, by title. */
export const presets: readonly Preset[] = [
  {
    id: 'alpine',
    title: 'Alpine Linux',
    name: 'alpine',
    kind: 'rsync',
    upstream: 'rsync://rsync.alpinelinux.org/alpine/',
    pattern: '/alpine(linux)?$',
    interval_secs: HOUR,
    options: { extra_options: hardLinks },
    labels: distribution,
    source: 'https://wiki.alpinelinux.org/wiki/How_to_setup_a_Alpine_Linux_mirror',
    notes: ['nearby'],
  },
  {
    id: 'archlinux',
    title: 'Arch Linux',
    name: 'archlinux',
    kind: 'rsync',
    upstream: 'rsync://HOST/archlinux/',
    pattern: '/arch(linux)?$',
    interval_secs: 3 * HOUR,
    options: { probe: 'lastupdate', freshness_file: 'lastupdate', extra_options: hardLinks },
    labels: distribution,
    source: 'https://wiki.archlinux.org/title/DeveloperWiki:NewMirrors',
    notes: ['chooseHost', 'seldom', 'register'],
  },
  {
    id: 'aur',
    title: 'Arch User Repository (git)',
    name: 'aur',
    kind: 'git',
    upstream: 'https://github.com/archlinux/aur.git',
    pattern: '^github\\.com/archlinux/aur(\\.git)?$',
    interval_secs: HOUR,
    options: branches,
    labels: code,
    source: 'https://github.com/archlinux/aur',
    notes: ['branches'],
  },
  {
    id: 'centos-stream',
    title: 'CentOS Stream',
    name: 'centos-stream',
    kind: 'rsync',
    upstream: 'rsync://rsync.stream.centos.org/CentOS-Stream-All/',
    pattern: '/centos-stream(-all)?$',
    interval_secs: 6 * HOUR,
    options: { extra_options: hardLinks },
    labels: distribution,
    source: 'https://wiki.centos.org/HowTos/CreatePublicMirrors',
    notes: ['nearby', 'register'],
  },
  {
    id: 'cran',
    title: 'CRAN',
    name: 'CRAN',
    kind: 'rsync',
    upstream: 'rsync://cran.r-project.org/CRAN/',
    pattern: '/cran$',
    interval_secs: 24 * HOUR,
    options: {},
    labels: language,
    source: 'https://cran.r-project.org/mirror-howto.html',
    notes: ['seldom', 'register'],
  },
  {
    id: 'crates-index',
    title: 'crates.io index (git)',
    name: 'crates.io-index',
    kind: 'git',
    upstream: 'https://github.com/rust-lang/crates.io-index.git',
    pattern: '^github\\.com/rust-lang/crates\\.io-index(\\.git)?$',
    interval_secs: HOUR / 2,
    options: branches,
    labels: language,
    source: 'https://doc.rust-lang.org/cargo/reference/registry-index.html',
    notes: ['branches'],
  },
  {
    id: 'ctan',
    title: 'CTAN',
    name: 'CTAN',
    kind: 'rsync',
    upstream: 'rsync://rsync.dante.ctan.org/CTAN/',
    pattern: '/(ctan|tex-archive)$',
    interval_secs: 24 * HOUR,
    options: {},
    labels: language,
    source: 'https://ctan.org/mirrors/register',
    notes: ['register'],
  },
  {
    id: 'debian',
    title: 'Debian',
    name: 'debian',
    kind: 'rsync',
    upstream: 'rsync://HOST/debian/',
    pattern: '/debian$',
    interval_secs: 6 * HOUR,
    options: { two_stage: 'debian', freshness_file: 'project/trace/ftp-master.debian.org' },
    labels: distribution,
    source: 'https://www.debian.org/mirror/ftpmirror',
    notes: ['chooseHost', 'register'],
  },
  {
    id: 'debian-security',
    title: 'Debian security',
    name: 'debian-security',
    kind: 'rsync',
    upstream: 'rsync://HOST/debian-security/',
    pattern: '/debian-security$',
    interval_secs: HOUR,
    options: { two_stage: 'debian' },
    labels: distribution,
    source: 'https://www.debian.org/mirror/ftpmirror',
    notes: ['chooseHost', 'notPublic'],
  },
  {
    id: 'epel',
    title: 'EPEL',
    name: 'epel',
    kind: 'rsync',
    upstream: 'rsync://HOST/fedora-epel/',
    pattern: '/(fedora-)?epel$',
    interval_secs: 6 * HOUR,
    options: { list: 'fullfiletimelist-epel' },
    labels: distribution,
    source: 'https://fedoraproject.org/wiki/Infrastructure/Mirroring',
    notes: ['chooseHost', 'register'],
  },
  {
    id: 'fedora',
    title: 'Fedora',
    name: 'fedora',
    kind: 'rsync',
    upstream: 'rsync://HOST/fedora-enchilada/',
    pattern: '/fedora(-enchilada)?$',
    interval_secs: 6 * HOUR,
    options: { list: 'fullfiletimelist-fedora' },
    labels: distribution,
    source: 'https://fedoraproject.org/wiki/Infrastructure/Mirroring',
    notes: ['chooseHost', 'register'],
  },
  {
    id: 'gentoo-git',
    title: 'Gentoo repository (git)',
    name: 'gentoo-portage.git',
    kind: 'git',
    upstream: 'https://github.com/gentoo-mirror/gentoo.git',
    pattern: '^github\\.com/gentoo-mirror/gentoo(\\.git)?$',
    interval_secs: HOUR,
    options: branches,
    labels: distribution,
    source: 'https://wiki.gentoo.org/wiki/Portage_with_Git',
    notes: ['branches'],
  },
  {
    id: 'gentoo-portage',
    title: 'Gentoo repository (rsync)',
    name: 'gentoo-portage',
    kind: 'rsync',
    upstream: 'rsync://rsync.gentoo.org/gentoo-portage/',
    pattern: '/gentoo-portage$',
    interval_secs: 24 * HOUR,
    options: {},
    labels: distribution,
    source: 'https://wiki.gentoo.org/wiki/Project:Infrastructure/Mirrors/Rsync',
    notes: ['seldom', 'register'],
  },
  {
    id: 'homebrew',
    title: 'Homebrew (git)',
    name: 'brew.git',
    kind: 'git',
    upstream: 'https://github.com/Homebrew/brew.git',
    pattern: '^github\\.com/homebrew/brew(\\.git)?$',
    interval_secs: HOUR,
    options: branches,
    labels: code,
    source: 'https://docs.brew.sh/Installation',
    notes: ['branches'],
  },
  {
    id: 'homebrew-core',
    title: 'Homebrew core (git)',
    name: 'homebrew-core.git',
    kind: 'git',
    upstream: 'https://github.com/Homebrew/homebrew-core.git',
    pattern: '^github\\.com/homebrew/homebrew-core(\\.git)?$',
    interval_secs: HOUR,
    options: branches,
    labels: code,
    source: 'https://docs.brew.sh/Installation',
    notes: ['branches'],
  },
  {
    id: 'linux',
    title: 'Linux kernel (git)',
    name: 'linux.git',
    kind: 'git',
    upstream: 'https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git',
    pattern: '^git\\.kernel\\.org/pub/scm/linux/kernel/git/torvalds/linux(\\.git)?$',
    interval_secs: HOUR,
    options: {},
    labels: code,
    source: 'https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/about/',
    notes: [],
  },
  {
    id: 'opensuse',
    title: 'openSUSE',
    name: 'opensuse',
    kind: 'rsync',
    upstream: 'rsync://rsync.opensuse.org/opensuse-full/',
    pattern: '/opensuse(-full)?$',
    interval_secs: 6 * HOUR,
    options: {},
    labels: distribution,
    source: 'https://en.opensuse.org/openSUSE:Mirror_infrastructure',
    notes: ['busy', 'register'],
  },
  {
    id: 'pypi',
    title: 'PyPI (by bandersnatch)',
    name: 'pypi',
    kind: 'command',
    upstream: 'https://pypi.org/',
    pattern: '^pypi\\.org(/simple)?$',
    interval_secs: HOUR,
    options: { command: 'pypi' },
    labels: language,
    source: 'https://bandersnatch.readthedocs.io/en/latest/',
    notes: ['program'],
  },
  {
    id: 'ubuntu',
    title: 'Ubuntu',
    name: 'ubuntu',
    kind: 'rsync',
    upstream: 'rsync://HOST/ubuntu/',
    pattern: '/ubuntu$',
    interval_secs: 6 * HOUR,
    options: { two_stage: 'debian', extra_options: hardLinks },
    labels: distribution,
    source: 'https://documentation.ubuntu.com/project/release-team/mirror-scripts',
    notes: ['chooseHost', 'register'],
  },
]
