// foreign.test.ts — Files of other mirror programs given as worker.toml.
import { expect, test } from 'vitest'
import { writeToml } from '../testing/worker-toml.ts'
import { loadWorkerConfig } from './config.ts'

/** What is said about a file with this text, when data_dir comes from the environment. */
function said(text: string): { message: string; hint: string | null } {
  const file = writeToml(text)
  try {
    loadWorkerConfig({ file, env: { KAGAMI_DATA_DIR: '/d' } })
  } catch (error) {
    const { message, hint } = error as { message: string; hint: string | null }
    return { message: message.replace(file, 'worker.toml'), hint }
  }
  throw new Error('nothing was wrong')
}

const mirrors = '[[mirrors]]\nname = "debian"\nprovider = "rsync"\nupstream = "rsync://h/debian/"\ninterval = 120\n'

test('a configuration of tunasync is refused, and the way to one of Kagami is shown', () => {
  expect(said(`[global]\nname = "w"\nmirror_dir = "/d"\n[manager]\napi_base = "http://h:14242"\n${mirrors}`)).toEqual({
    message:
      'worker.toml: this looks like the worker.conf of tunasync: it has [global], [manager] and [[mirrors]], which ' +
      'Kagami does not know',
    hint:
      'Write a worker.toml for Kagami beside it: data_dir (there: mirror_dir), nats_url (there: api_base), and for ' +
      'each [[mirrors]] a [[providers]] with name, kind, upstream and interval_secs, which counts seconds (there: ' +
      'interval, in minutes). A program that a mirror with provider = "command" runs is named by [[commands]]. ' +
      'The keys are in docs/configuration.md. Nothing was started and no file was touched.',
  })
})

test.each([
  ['an included file of tunasync', mirrors, 'the worker.conf of tunasync: it has [[mirrors]]'],
  ['keys without their table', 'mirror_dir = "/d"\n', 'the worker.conf of tunasync: it has mirror_dir'],
  ['a manager of tunasync', '[files]\ndb_type = "bolt"\n', 'the configuration of a tunasync manager: it has [files]'],
  ['Yuki', 'db_url = "yukid.db"\nrepo_config_dir = ["/r"]\n', 'the daemon.toml of Yuki: it has db_url and repo_con'],
])('the file of %s is recognized', (_whose, text, message) => {
  expect(said(text).message).toContain(`worker.toml: this looks like ${message}`)
})
