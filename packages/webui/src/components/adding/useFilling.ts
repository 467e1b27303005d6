// useFilling.ts — What fills in the form of a replica: the address that is typed, a preset, another replica, a link.
import { guess, presets, type Preset } from '@kagami/protocol'
import { labelsFrom, labelsText } from '../replicas/optionFields.ts'
import { intervalOf, textsOf, type Typed } from './typed.ts'

interface Form {
  readonly typed: Typed
  /** Whether the viewer has chosen these; else they are guessed from the upstream. */
  readonly chosen: { kind: boolean; name: boolean }
  /** Called when something was filled in. */
  filled(): void
}

/** What fills in a form. What the viewer has chosen stays. */
export function useFilling({ typed, chosen, filled }: Form) {
  /** The preset that the form was filled in from. */
  let applied: Preset | null = null
  /** Fills in kind and name, unless the viewer has chosen them. */
  function upstreamTyped(): void {
    const found = guess(typed.upstream)
    if (!chosen.kind && !applied && found.kind) typed.kind = found.kind
    if (!chosen.name && !applied && found.name) typed.name = found.name
    filled()
  }
  /** Fills in what a preset says in place of what the one before it said; what the viewer has typed stays. */
  function applyPreset(preset: Preset | null): void {
    withdraw(typed, applied)
    applied = preset
    filled()
    if (!preset) return
    if (!isOwnAddress(typed.upstream.trim(), preset)) typed.upstream = preset.upstream
    if (!chosen.name) typed.name = preset.name
    Object.assign(typed, { kind: preset.kind, schedule: 'every', ...intervalOf(preset.interval_secs) })
    const given = labelsFrom(typed.labels)
    if (given.bad === null) typed.labels = labelsText({ ...preset.labels, ...given.labels })
    Object.assign(typed.options, textsOf(preset.options))
  }
  /** Fills in everything that another replica has, but its credentials. */
  function fill(other: Typed): void {
    Object.assign(typed, other, { worker: typed.worker, auth: 'none' })
    Object.assign(chosen, { name: true, kind: true })
  }
  /** Fills in what a link to the form says, as if it had been chosen. */
  function prefill({ name, kind, upstream }: Pick<Typed, 'name' | 'kind' | 'upstream'>): void {
    Object.assign(typed, { name, kind, upstream })
    Object.assign(chosen, { name: name !== '', kind: kind !== '' })
  }
  return { upstreamTyped, applyPreset, fill, prefill }
}

/** Takes back what a preset said, where it is still so. */
function withdraw(typed: Typed, preset: Preset | null): void {
  for (const [key, text] of Object.entries(textsOf(preset?.options ?? {})))
    if (typed.options[key] === text) typed.options[key] = ''
  const { labels, bad } = labelsFrom(typed.labels)
  const stays = Object.entries(labels).filter(([key, value]) => preset?.labels[key] !== value)
  if (preset && bad === null) typed.labels = labelsText(Object.fromEntries(stays))
}

/** Whether an address that was typed is one that the preset may be used with: the viewer's own, and of its kind. */
function isOwnAddress(upstream: string, { kind }: Preset): boolean {
  const wanted = kind === 'command' ? 'http' : kind
  return guess(upstream).kind === wanted && presets.every((preset) => preset.upstream !== upstream)
}
