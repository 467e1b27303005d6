// recognise.ts — Which preset an address is of, and what one lacks that was taken from a preset. Pure.
import { guess } from '../guess.ts'
import { sshUpstreamOf } from '../names.ts'
import { HOST, presets, type Preset } from './presets.ts'

/** The preset of this id; null when there is none. */
export function presetOf(id: string): Preset | null {
  return presets.find((preset) => preset.id === id) ?? null
}

/** The preset that an address is of, by its host and path; null: none that is known. */
export function recognise(upstream: string): Preset | null {
  const { kind } = guess(upstream)
  const place = placeOf(upstream.trim())
  if (place === null) return null
  const fits = (preset: Preset) => {
    const sameKind = preset.kind === 'command' ? kind === 'http' : preset.kind === kind
    return sameKind && new RegExp(preset.pattern, 'i').test(place)
  }
  return presets.find(fits) ?? null
}

/** Whether an address still has the word in it that stands for the host of a mirror. */
export function lacksHost(upstream: string): boolean {
  return new RegExp(`^[a-z]+://${HOST}(/|$)`).test(upstream.trim())
}

/** Host and path without a slash at the end. */
function placeOf(upstream: string): string | null {
  const ssh = sshUpstreamOf(upstream)
  const url = ssh === null ? URL.parse(upstream) : { hostname: ssh.host, pathname: `/${ssh.path}` }
  if (url === null || url.hostname === '') return null
  return `${url.hostname}${url.pathname}`.replaceAll(/\/{2,}/g, '/').replace(/\/$/, '')
}
