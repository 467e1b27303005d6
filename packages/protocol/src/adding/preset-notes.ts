// preset-notes.ts — What must be known before a preset is used, by the names that presets have it under. In English, as
// the command line and the documents print it; the UI has it in each language.

/** The notes. */
export const presetNotes = {
  chooseHost:
    'Write the host of one mirror near you in place of HOST: one machine, not a name that several answer to. The ' +
    'page of the source lists mirrors.',
  register: 'A public mirror registers with the upstream first; some upstreams are open, or faster, only then.',
  seldom: 'The upstream limits how often a mirror may sync: see its page before you shorten the interval.',
  notPublic:
    'The distribution advises against public mirrors of it: users should always get this from its own servers.',
  busy: 'The upstream takes few connections at a time: a sync may be refused, and is then tried again.',
  nearby: 'Another mirror near you is usually faster; the options are right for it, too.',
  program:
    'A program keeps it: worker.toml must name one as [[commands]] with name = "pypi"; see ' +
    'docs/providers/command.md.',
  branches: 'Branches and tags alone: what a forge keeps of pull requests is left out.',
} as const
export type PresetNote = keyof typeof presetNotes
