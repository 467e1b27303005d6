// copies.ts — Promises about the copies on a worker, when upstreams, disks or programs fail.
import type { Row } from './row.ts'

const WORKER = 'packages/worker/src'
const FAULTS = 'e2e/faults'

/** The rows. */
export const copies: readonly Row[] = [
  {
    row: 2,
    fault: 'kill -9 while a tree is published, with readers',
    promise: 'no reading is mixed or missing',
    proofs: [
      [`${WORKER}/tree/readers.test.ts`, 'shows readers whole trees alone'],
      [`${WORKER}/tree/readers.test.ts`, 'is whole for a reader at every moment'],
      [`${WORKER}/providers/http/tree.test.ts`, 'shows readers the whole tree before or after'],
    ],
  },
  {
    row: 3,
    fault: 'programs a killed worker had started',
    promise: 'none keeps running, or it is ended at the next start',
    proofs: [
      [`${WORKER}/programs/command.test.ts`, 'does not outlive a worker that is killed'],
      [`${WORKER}/sync/run.test.ts`, 'kills what an earlier one left running'],
    ],
  },
  {
    row: 4,
    fault: 'an upstream that is emptied or loses most',
    promise: 'nothing is deleted, the sync is held',
    proofs: [
      [`${WORKER}/providers/git/git.test.ts`, 'git is kept when the upstream is suddenly empty'],
      [`${WORKER}/providers/rsync/rsync.test.ts`, 'rsync is kept when the upstream is suddenly empty'],
      [`${WORKER}/providers/http/http.test.ts`, 'http is kept when the upstream is suddenly empty'],
      ['e2e/scenarios/holds.test.ts', 'sees the sync held'],
    ],
  },
  {
    row: 5,
    fault: 'a folder of the upstream that cannot be read',
    promise: 'nothing is deleted',
    proofs: [
      [`${WORKER}/providers/rsync/rsync.test.ts`, 'loses nothing while a folder of the upstream cannot be read'],
      [`${WORKER}/providers/http/tree.test.ts`, 'deletes nothing while a directory cannot be read'],
    ],
  },
  {
    row: 7,
    fault: 'names that collide, escape or are reserved',
    promise: 'refused; every name is a directory of its own',
    proofs: [
      ['e2e/faults/hostile.test.ts', 'names are refused with the field named'],
      ['packages/protocol/src/names.test.ts', 'whatever is accepted is one harmless path element'],
    ],
  },
  {
    row: 8,
    fault: 'git configuration and hooks planted in a replica',
    promise: 'nothing of it runs',
    proofs: [[`${WORKER}/providers/git/git.test.ts`, 'runs nothing that somebody planted']],
  },
  {
    row: 11,
    fault: 'setuid files, devices, links and names that leave the tree',
    promise: 'none of them arrives',
    proofs: [
      [`${WORKER}/providers/rsync/rsync.test.ts`, 'has no setuid file, no device and no link that leaves it'],
      [`${WORKER}/providers/http/tree.test.ts`, 'takes only names that stay inside'],
      [`${WORKER}/providers/http/tree.test.ts`, 'does not follow a link that somebody put into the copy'],
    ],
  },
  {
    row: 10,
    fault: 'addresses inside a private network',
    promise: 'no connection to loopback, private or link-local hosts where they are not wanted',
    proofs: [
      [`${WORKER}/sync/peers.test.ts`, 'are public only, where the worker says so'],
      [`${WORKER}/sync/peers.test.ts`, 'are never private once the upstream was public'],
      [`${WORKER}/sync/peers.test.ts`, 'is refused for every kind when only public ones are wanted'],
      [`${WORKER}/providers/http/hostile.test.ts`, 'however spelled'],
      [`${WORKER}/providers/http/hostile.test.ts`, 'leads to no private address once the upstream is public'],
    ],
  },
  {
    row: 12,
    fault: 'web servers that lie: short, endless, dripping, packed, another range, another file',
    promise: 'the copy stays byte for byte the same',
    proofs: [
      'is emptied',
      'shrank to a tenth',
      'sends less than it promised',
      'sends what does not match its own checksum',
      'sends what does not match the checksum it must have',
      'sends an error page with status 200',
      'sends without end',
      'falls silent in the middle',
      'drips',
      'sends compressed what was asked for as it is',
      'goes on with another range, or with another file',
    ].map((title) => [`${WORKER}/providers/http/hostile.test.ts`, title] as const),
  },
  {
    row: 13,
    fault: 'an upstream that stalls',
    promise: 'the sync ends at its limit, no file of the copy is damaged',
    proofs: [
      [`${WORKER}/sync/limits.test.ts`, 'is ended, says so, and leaves the copy as it was'],
      [`${WORKER}/providers/git/hostile.test.ts`, 'falls silent or drips'],
      [`${WORKER}/providers/rsync/hostile.test.ts`, 'falls silent or drips'],
      [`${WORKER}/providers/rsync/upstreams.test.ts`, 'leaves each file old or new'],
      [`${WORKER}/providers/http/hostile.test.ts`, 'falls silent in the middle'],
      [`${WORKER}/providers/http/hostile.test.ts`, 'drips'],
    ],
  },
  {
    row: 14,
    fault: 'a disk that fills up',
    promise: 'the old tree is intact, the space is freed, others keep syncing, the worker keeps running and reports it',
    proofs: [
      [`${WORKER}/sync/limits.test.ts`, 'is not even begun to be filled'],
      [`${WORKER}/sync/limits.test.ts`, 'its space comes back, and others sync on'],
      [`${FAULTS}/worker-disk-full.test.ts`, 'keeps running, reports that the disk was full'],
      ['packages/runtime/src/disk/files.test.ts', 'stay as they were when a new text does not fit on the disk'],
      ['e2e/disks/refusing-disk.test.ts', 'says whose fault it is, harms nothing'],
      ['e2e/disks/refusing-worker.test.ts', 'does not end, at work or at start'],
      ['e2e/disks/refusing-log.test.ts', 'the sync is done, and its report says that it has no log'],
    ],
  },
  {
    row: 31,
    fault: 'upstreams of git and rsync that lie, cut the connection or flood',
    promise: 'the copy is unchanged, the reason is named, the next good sync is right',
    proofs: [
      ...[
        'loses most of its refs',
        'breaks the connection, however much had come',
        'sends another length than it says',
        'sends an error page with status 200',
        'sends a pack with a byte turned over',
        'names objects that never come',
        'sends a greeting, a list of refs or progress without end',
      ].map((title) => [`${WORKER}/providers/git/hostile.test.ts`, title] as const),
      ...[
        'loses most of its files, or most of what is in them',
        'breaks the connection, however much had come',
        'greets with rubbish, or with a version nobody speaks',
        'sends bytes turned over on the way',
        'greets without end',
        'lists files without end',
      ].map((title) => [`${WORKER}/providers/rsync/hostile.test.ts`, title] as const),
    ],
  },
  {
    row: 32,
    fault:
      'https with a certificate that has expired, is another host’s, or nobody known has signed; redirects ' +
      'from https to http',
    promise: 'refused, with what is wrong; the copy stays byte for byte the same',
    proofs: [
      'is refused, and the copy stays',
      'is held against the name in the address',
      'a redirect to plain http is refused',
      'follows no redirect to plain http',
      'refuses the same certificates',
    ].map((title) => [`${WORKER}/providers/http/tls.test.ts`, title] as const),
  },
  {
    row: 33,
    fault: 'LFS servers that send wrong data or bad addresses, fail or lose files',
    promise: 'nothing wrong is stored, no ref moves before its files are there, no secret is shown',
    proofs: [
      ...[
        'sends other bytes than the pointer names',
        'answers a batch with a page',
        'leads to addresses where no mirror goes',
        'wants headers sent that would end the request',
        'redirects to another host',
      ].map((title) => [`${WORKER}/providers/git-lfs/hostile.test.ts`, title] as const),
      [`${WORKER}/providers/git-lfs/lfs.test.ts`, 'moves no ref before its LFS files are there'],
      [`${WORKER}/providers/git-lfs/maintenance.test.ts`, 'tells what the upstream itself has lost'],
    ],
  },
  {
    row: 34,
    fault: 'trees that change at random, with names of any bytes',
    promise: 'the copy is what rsync -a --delete gives, or has the files a web server serves',
    proofs: [
      [`${WORKER}/providers/rsync/property.test.ts`, 'is copied as rsync -a --delete copies it'],
      [`${WORKER}/providers/http/property.test.ts`, 'is copied file for file, whatever its names and kinds'],
    ],
  },
  {
    row: 35,
    fault: 'a list of files or refs that was cut off',
    promise: 'nothing is deleted, the rest is followed',
    proofs: [
      [`${WORKER}/listings/synced.test.ts`, 'keeps what a cut page lacks'],
      [`${WORKER}/providers/http/upstreams.test.ts`, 'keeps what a listing lacks that lost much'],
      [`${WORKER}/providers/git/dumb.test.ts`, 'keeps every ref when the list ends early'],
    ],
  },
  {
    row: 36,
    fault: 'an upstream that allows few requests',
    promise: 'all files come, at its pace',
    proofs: [
      [`${WORKER}/http/pace.test.ts`, 'a second of us and few more'],
      [`${WORKER}/providers/http/upstreams.test.ts`, 'gets all files of a host that allows few requests'],
    ],
  },
  {
    row: 37,
    fault: 'damaged indices of a tree that is published in place, and kill -9 meanwhile',
    promise: 'readers never see them; each file is old or new',
    proofs: [
      [`${WORKER}/tree/apply-fork.test.ts`, 'becomes the published tree, whatever differs'],
      [`${WORKER}/tree/apply-fork.test.ts`, 'has only old and new files after a worker was killed'],
    ],
  },
  {
    row: 38,
    fault:
      'git repositories that change at random: forced pushes, renames, aliases, detached heads, names of any bytes',
    promise: 'the copy is what git clone --mirror gives, or held and as it was; it can be cloned all the while',
    proofs: [
      [`${WORKER}/providers/git/property.test.ts`, 'is copied as git clone --mirror copies it'],
      [`${WORKER}/providers/git/copies.test.ts`, 'gets that commit too'],
      [`${WORKER}/providers/git/deletions.test.ts`, 'is held when commits would be lost'],
    ],
  },
  {
    row: 39,
    fault: 'each file of a git copy truncated, emptied, filled with NULs or removed',
    promise: 'the sync or the weekly check that meets it mends it',
    proofs: [
      [`${WORKER}/providers/git/damage.test.ts`, 'was damaged in every way'],
      [`${WORKER}/providers/git/copies.test.ts`, 'is mended by the sync in which git fails'],
      [`${WORKER}/providers/git/copies.test.ts`, 'is not fetched again when the upstream has a damaged object'],
    ],
  },
  {
    row: 49,
    fault: 'files and folders of an upstream with names that are reserved',
    promise: 'left out and counted, the rest is mirrored',
    proofs: [
      [`${WORKER}/providers/rsync/upstreams.test.ts`, 'is also what has a name reserved for incomplete files'],
      [`${WORKER}/providers/http/upstreams.test.ts`, 'whose name it needs itself, and says so'],
    ],
  },
  {
    row: 50,
    fault: 'addresses of cloud metadata, also inside translated, 6to4, Teredo and ISATAP addresses',
    promise: 'never asked',
    proofs: [[`${WORKER}/sync/peers.test.ts`, 'is never asked']],
  },
  {
    row: 51,
    fault: 'a byte of a copy that the disk changed, and commits that an upstream lost',
    promise: 'verify finds and mends the one; keep_history keeps the other, hidden from readers',
    proofs: [
      [`${WORKER}/providers/git/git.test.ts`, 'is mended by that when the disk changed a byte'],
      [`${WORKER}/providers/rsync/rsync.test.ts`, 'is mended by that when the disk changed a byte'],
      [`${WORKER}/providers/http/http.test.ts`, 'is mended by that when the disk changed a byte'],
      ['e2e/scenarios/requests.test.ts', 'is hidden from readers, listed, and given back by command'],
    ],
  },
  {
    row: 56,
    fault: 'the disk of a replica, or of data_dir, is not mounted: while the worker runs, and as it starts',
    promise: 'nothing is fetched or written onto the disk below; all goes on when it is back, or when that is approved',
    proofs: [
      ['e2e/disks/missing-disk.test.ts', 'whose disk goes away while it runs'],
      ['e2e/disks/missing-disk.test.ts', 'that starts without its disk waits and fetches nothing'],
      ['e2e/disks/missing-disk.test.ts', 'that starts without its disk begins anew once somebody approves'],
      [`${WORKER}/providers/git/git.test.ts`, 'is held when its disk is gone, until it is back'],
      [`${WORKER}/providers/rsync/rsync.test.ts`, 'is held when its disk is gone, until it is back'],
      [`${WORKER}/providers/http/http.test.ts`, 'is held when its disk is gone, until it is back'],
      [`${WORKER}/providers/http/tree.test.ts`, 'is held when its disk is gone, until it is back'],
    ],
  },
  {
    row: 55,
    fault: 'a limit of memory that a sync does not keep to, so that the kernel kills its program (needs root)',
    promise: 'the report says so and what to do, the copy and the worker are unharmed, with more memory it succeeds',
    proofs: [
      ['e2e/scenarios/memory.test.ts', 'says so, harms no copy, and succeeds with more memory'],
      [`${WORKER}/programs/command.test.ts`, 'that is killed says so with what to do'],
    ],
  },
  {
    row: 53,
    fault: 'a worker without file descriptors in the middle of a sync, and entries that flip between look and copy',
    promise: 'nothing is torn, no file goes that was not counted, the next sync is right',
    proofs: [
      ['e2e/scenarios/worker-descriptors.test.ts', 'publishes nothing torn, lives, and syncs again'],
      [
        `${WORKER}/providers/rsync/upstreams.test.ts`,
        'costs no file that was not counted, and the next sync catches up',
      ],
    ],
  },
  {
    row: 57,
    fault:
      'a worker is started with an odd locale, time zone, umask or stdin, without a home, /proc or an entry in passwd',
    promise: 'every kind is published with the same files and rights, in place and by swap',
    proofs: [['e2e/disks/inherited.test.ts', 'a worker that inherits']],
  },
  {
    row: 58,
    fault: 'the folder of a replica has files of another address, of another kind, or that nobody knows',
    promise: 'nothing is changed until somebody has seen what would be; then only what differs is fetched',
    proofs: [
      ['packages/worker/src/tree/adopt.test.ts', 'goes on with its files once that is allowed'],
      ['packages/worker/src/tree/adopt.test.ts', 'is not changed while nobody allowed it'],
    ],
  },
  {
    row: 59,
    fault: 'a sync fails, for any reason there is',
    promise: 'what its hint says leads to a sync that succeeds',
    proofs: [['packages/worker/src/hints.test.ts', 'the hint of']],
  },
  {
    row: 60,
    fault: 'the upstream removes what a client was just told to fetch',
    promise: 'with keep_deleted and by-hash it is there for its time; afterwards the copy is as the upstream',
    proofs: [
      [`${WORKER}/providers/apt-readers.test.ts`, 'find all that they were promised'],
      [`${WORKER}/providers/apt-readers.test.ts`, 'may miss some where a bare rsync -a --delete makes the copy'],
      [`${WORKER}/providers/keep-deleted-property.test.ts`, 'has what its upstream removed for its time and no longer'],
      [`${WORKER}/providers/keep-deleted.test.ts`, 'is whole after a worker that was killed at any moment'],
      [`${WORKER}/providers/keep-deleted.test.ts`, 'asks again, and keeps for its whole time, when its record is'],
    ],
  },
  {
    row: 61,
    fault: 'a proxy that is down, silent, confused or refuses, in front of every kind of upstream',
    promise: 'the sync fails with words that name the proxy, nothing goes around it, and the copy stays',
    proofs: [
      [`${WORKER}/proxy/failures.test.ts`, 'fails while the %s proxy is down, and does not go around it'],
      [`${WORKER}/proxy/failures.test.ts`, 'keeps its copy while the proxy is down, and goes on when it is back'],
      [`${WORKER}/proxy/failures.test.ts`, 'ends a sync of the kind %s by itself'],
      [`${WORKER}/proxy/dial.test.ts`, 'or a failure that names the proxy is all that any answer leads to'],
      [`${WORKER}/proxy/policy.test.ts`, 'is refused before the %s proxy is asked'],
      ['e2e/procedures/proxies.test.ts', 'keeps the fleet and its copy while the proxy is down'],
    ],
  },
]
