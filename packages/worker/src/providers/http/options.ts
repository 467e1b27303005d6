// options.ts — The options of a replica of the kind http: schema and type.
import Type, { type Static } from 'typebox'
import { keepDeletedOption } from '../keep-deleted.ts'
import { probeOption } from '../trace.ts'

const globs = (description: string) =>
  Type.Array(Type.String({ minLength: 1, maxLength: 500 }), { default: [], maxItems: 200, description })

export const HttpOptions = Type.Object(
  {
    tree: Type.Enum(['auto', 'always', 'never'], {
      default: 'auto',
      description:
        'Whether the address is a directory to be mirrored with all below it. auto: when it ends in "/" and ' +
        'answers with a listing of nginx, Apache, lighttpd, Caddy or the like',
    }),
    include: globs('Trees: only files whose path matches one of these patterns ("*.iso", "pool/**"). Empty: all'),
    exclude: globs('Trees: files and directories whose path matches one of these are not part of the mirror'),
    probe: probeOption,
    keep_deleted: keepDeletedOption,
    compare: Type.Enum(['auto', 'listing', 'ask'], {
      default: 'auto',
      description:
        'Trees: how a changed file is noticed. auto: by the listing where it tells exact sizes and times, else by ' +
        'asking for the file if it changed. listing: by the listing even where sizes are rounded. ask: always by ' +
        'asking',
    }),
    adopt: Type.Enum(['times', 'size'], {
      default: 'times',
      description:
        'How files of a folder that is taken over are compared until a sync has succeeded. times: size and time. ' +
        'size: size alone, for a copy that has lost its times, which stay as they are',
    }),
    parallel: Type.Integer({
      default: 4,
      minimum: 1,
      maximum: 32,
      description: 'Trees: connections to the upstream at the same time',
    }),
    max_depth: Type.Integer({
      default: 20,
      minimum: 1,
      maximum: 100,
      description: 'Trees: directories below each other that are followed',
    }),
    max_files: Type.Integer({
      default: 1_000_000,
      minimum: 1,
      maximum: 10_000_000,
      description: 'Trees: an upstream that lists more files than this is not mirrored',
    }),
    checksum: Type.String({
      default: '',
      maxLength: 255,
      description:
        'Single files: "sha256:HEX", or the name of a checksum file beside it ("SHA256SUMS"), or the ending ' +
        'of one (".sha256"). What does not match is not published',
    }),
    max_mib: Type.Integer({
      default: 0,
      minimum: 0,
      maximum: 1_000_000_000,
      description: 'Largest size of one file, MiB, against bodies without end; 0 is no limit',
    }),
    min_rate_bps: Type.Integer({
      default: 50,
      minimum: 0,
      maximum: 1_000_000_000,
      description: 'A download slower than this many bytes a second, over timeout_secs, is given up; 0 turns it off',
    }),
    requests_per_second: Type.Integer({
      default: 0,
      minimum: 0,
      maximum: 10_000,
      description:
        'Requests a second to use at most; 0 is no limit of ours. An upstream that refuses some is asked more slowly ' +
        'in any case',
    }),
    bwlimit_kbps: Type.Integer({
      default: 0,
      minimum: 0,
      maximum: 100_000_000,
      description: 'KiB per second to use at most; 0 is no limit',
    }),
    skip_forbidden: Type.Boolean({
      default: false,
      description:
        'Trees: files and directories that the upstream lists and answers 403 for are left out, and the rest is ' +
        'mirrored with deletions. Else nothing is deleted while there are some',
    }),
    own_files: Type.Enum(['keep', 'delete'], {
      default: 'keep',
      description:
        'Trees that were taken over: what is done with files that were there before and that the upstream does not ' +
        'list. delete: they go, after the check of the deletion guard',
    }),
    timeout_secs: Type.Integer({
      default: 60,
      minimum: 1,
      maximum: 3600,
      description: 'Give up when nothing came for this many seconds',
    }),
    accept_html: Type.Boolean({
      default: false,
      description:
        'Takes a web page for a file that is none by its name; else it is taken for an error page that was ' +
        'sent with status 200',
    }),
    allow_downgrade: Type.Boolean({ default: false, description: 'Follows redirects from https to http' }),
  },
  { additionalProperties: false },
)
export type HttpOptions = Static<typeof HttpOptions>
