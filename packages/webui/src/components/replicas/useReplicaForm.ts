// useReplicaForm.ts — The form of a replica: what is typed, what is wrong with it, and what is sent for a new one.
import {
  guess,
  intervalProblem,
  lacksHost,
  replicaNameKey,
  replicaNameProblem,
  scheduleProblem,
  upstreamProblem,
  type Replica,
  type Worker,
} from '@kagami/protocol'
import { computed, reactive, ref, type Ref } from 'vue'
import type { Problem } from '../../api.ts'
import { t } from '../../locales/index.ts'
import { optionsTyped, secondsOf, timingOf, type Typed } from '../adding/typed.ts'
import { useFilling } from '../adding/useFilling.ts'
import { fieldsOf, labelsFrom, optionProblem, optionsFrom, type OptionField } from './optionFields.ts'

/** What the form must know of the fleet. */
export interface FleetFacts {
  /** The chosen worker. */
  worker: Ref<Worker | null>
  /** Replicas that have this name already, without regard to case. */
  namesakes: Ref<readonly Replica[]>
  /** What the form was filled with, of a replica that is edited: what stays is not looked at. */
  base?: Ref<Typed | null>
}

/** What is wrong, by field. */
export type Problems = Record<string, string>

/** The form. `shown` are the problems of fields that were left, or all problems after an attempt to save. */
export function useReplicaForm(start: Typed, fleet: FleetFacts) {
  const typed = reactive(start)
  const base = fleet.base ?? ref(null)
  const touched = reactive(new Set<string>())
  /** Whether the viewer has chosen these; else they are guessed from the upstream. */
  const chosen = reactive({ kind: false, name: false })
  const refused = ref<{ field: string; message: string } | null>(null)
  const fields = computed((): OptionField[] => fieldsOf(announcedBy(fleet.worker.value, typed.kind)?.options))
  const problems = computed(() => {
    const found = problemsOf(typed, fleet, fields.value)
    if (refused.value && !found[refused.value.field]) found[refused.value.field] = refused.value.message
    return found
  })
  const shown = computed((): Problems =>
    Object.fromEntries(
      Object.entries(problems.value).filter(([field]) => touched.has(field) || refused.value?.field === field),
    ),
  )

  function leave(field: string): void {
    touched.add(field)
    if (refused.value?.field === field) refused.value = null
  }
  function touchAll(): void {
    for (const field of Object.keys(problems.value)) touched.add(field)
  }
  /** Shows a problem from the server at its field. Returns false when the form has no such field. */
  function showAtField(problem: Problem): boolean {
    const field = problem.field === null ? '' : fieldOf(problem.field)
    refused.value = field === '' ? null : { field, message: `${problem.message} ${problem.hint}` }
    return field !== ''
  }
  return {
    typed,
    base,
    chosen,
    fields,
    problems,
    shown,
    ...useFilling({ typed, chosen, filled: () => (refused.value = null) }),
    leave,
    touchAll,
    showAtField,
    /** What is sent. `of`: the options that the worker announces to which it goes; those of the chosen one, else. */
    body: (of: readonly OptionField[] = fields.value) => bodyOf(typed, of),
  }
}

function fieldOf(field: string): string {
  const [first, second] = field.replace(/^body\./, '').split('.')
  if (first === 'options') return second ? `options.${second}` : ''
  return first === 'interval_secs'
    ? 'interval'
    : ['upstream', 'kind', 'name', 'labels', 'auth', 'worker'].includes(first ?? '')
      ? (first ?? '')
      : ''
}

function problemsOf(typed: Typed, fleet: FleetFacts, fields: readonly OptionField[]): Problems {
  const found: Problems = {}
  const put = (field: string, problem: string | null | undefined): void => {
    if (problem) found[field] = problem
  }
  const kind = typed.kind || guess(typed.upstream).kind || 'http'
  const base = fleet.base?.value ?? null
  if (typed.upstream !== base?.upstream)
    put(
      'upstream',
      typed.upstream.trim() === ''
        ? t('add.required')
        : upstreamProblem(kind, typed.upstream.trim(), rootsOf(fleet.worker.value, kind)),
    )
  if (base === null) put('kind', typed.kind === '' ? t('add.required') : kindProblem(typed.kind, fleet.worker.value))
  put(
    'name',
    typed.name === '' ? t('add.required') : (replicaNameProblem(typed.name) ?? takenProblem(typed.name, fleet)),
  )
  put('worker', typed.worker === '' ? t('add.chooseWorker') : null)
  if (typed.upstream !== base?.upstream && lacksHost(typed.upstream)) put('upstream', t('add.host'))
  if (typed.schedule === 'every')
    put('interval', /^\d+(\.\d+)?$/.test(typed.amount.trim()) ? intervalProblem(secondsOf(typed)) : t('add.number'))
  const bad = typed.labels === base?.labels ? null : labelsFrom(typed.labels).bad
  put('labels', bad === null ? null : t('add.labelForm', { part: bad }))
  if (typed.auth === 'basic' && typed.user === '') put('auth', `${t('add.user')} ${t('add.required')}`)
  if (typed.auth === 'token' && typed.token === '') put('auth', `${t('add.token')} ${t('add.required')}`)
  if (typed.auth === 'keep' && typed.upstream.trim() !== base?.upstream) put('auth', t('edit.authAnew'))
  for (const field of fields) {
    const problem = optionProblem(field, typed.options[field.key] ?? '')
    if (problem) put(`options.${field.key}`, t(`add.${problem.word}`, { n: problem.n ?? 0 }))
  }
  const timing = timingOf(typed)
  if (typed.schedule === 'cron' && timing.cron === '') put('options.cron', t('add.required'))
  const late = scheduleProblem(timing)
  if (late) put(`options.${late.field}`, late.message)
  return found
}

/** Folders that may be upstreams: those the worker allows; any folder while no worker is chosen. */
function rootsOf(worker: Worker | null, kind: string): readonly string[] | undefined {
  return worker ? announcedBy(worker, kind)?.roots : ['/']
}

function announcedBy(worker: Worker | null, kind: string): Worker['kinds'][number] | undefined {
  return worker?.kinds.find((one) => one.kind === kind)
}

function kindProblem(kind: string, worker: Worker | null): string | null {
  if (!worker || worker.kinds.length === 0) return null
  const announced = announcedBy(worker, kind)
  if (!announced) return t('add.kindAbsent', { worker: worker.name })
  return announced.available ? null : t('add.kindMissing', { worker: worker.name, why: announced.detail })
}

function takenProblem(name: string, fleet: FleetFacts): string | null {
  const worker = fleet.worker.value
  const twin = fleet.namesakes.value.find(
    (replica) => replica.worker_id === worker?.worker_id && replicaNameKey(replica.name) === replicaNameKey(name),
  )
  return twin && worker ? t('add.taken', { worker: worker.name, name: twin.name }) : null
}

function bodyOf(typed: Typed, fields: readonly OptionField[]) {
  const { labels } = labelsFrom(typed.labels)
  const options = optionsFrom(fields, optionsTyped(typed))
  return {
    name: typed.name,
    kind: typed.kind,
    upstream: typed.upstream.trim(),
    interval_secs: secondsOf(typed),
    ...(Object.keys(labels).length > 0 ? { labels } : {}),
    ...(Object.keys(options).length > 0 ? { options } : {}),
    ...(typed.auth === 'basic'
      ? { auth: { type: 'basic' as const, username: typed.user, password: typed.password } }
      : {}),
    ...(typed.auth === 'token' ? { auth: { type: 'token' as const, token: typed.token } } : {}),
  }
}

/** The form, for components that draw parts of it. */
export type ReplicaForm = ReturnType<typeof useReplicaForm>
