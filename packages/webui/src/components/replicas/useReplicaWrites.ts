// useReplicaWrites.ts — What people ask of one replica without a dialog: sync, verify, pause, resume. Each says as a
// toast what was done or what went wrong. And the command lines that do the same.
import type { Replica } from '@kagami/protocol'
import { useI18n } from 'vue-i18n'
import { api } from '../../api.ts'
import { useWrite } from '../../composables/useWrite.ts'

type Named = Pick<Replica, 'replica_id' | 'name' | 'worker_name'>

/** The calls, and whether one of them is running. */
export function useReplicaWrites() {
  const { t } = useI18n()
  const { busy, run } = useWrite()
  const write =
    (done: string, call: (id: string) => Promise<unknown>) =>
    ({ replica_id, name, worker_name: worker }: Named): Promise<boolean> =>
      run(() => call(replica_id), { done: t(done, { name, worker }), toastError: true })
  return {
    busy,
    sync: write('syncNow.done', (id) => api.call('syncReplica', { params: { id } })),
    verify: write('verify.done', (id) => api.call('verifyReplica', { params: { id } })),
    pause: write('pause.paused', (id) => api.call('pauseReplica', { params: { id }, body: null })),
    resume: write('pause.resumed', (id) => api.call('resumeReplica', { params: { id } })),
  }
}

/** The sync of a replica whose log is asked for: the running one, else the last; undefined: there was none. */
export const lastSyncOf = ({ current, last_sync }: Pick<Replica, 'current' | 'last_sync'>): string | undefined =>
  current?.sync_id ?? last_sync?.sync_id

/** The command lines about a replica. */
export function commandsOf({ name, worker_name }: Pick<Named, 'name' | 'worker_name'>) {
  const replica = `${name}@${worker_name}`
  return {
    sync: `kagami sync ${replica}`,
    pause: `kagami replicas pause ${replica}`,
    resume: `kagami replicas resume ${replica}`,
    edit: `kagami replicas edit ${replica}`,
    logs: `kagami logs ${replica}`,
  }
}
