// useTimes.ts — Instants as text, in the language and time zone that the viewer chose.
import { absolute, clockTime } from '../format.ts'
import { usePrefs } from '../stores/prefs.ts'

export interface Times {
  /** With date, seconds and zone. */
  absolute(at: string | null | undefined): string
  /** The time of day. Unix ms. */
  clockTime(at: number): string
}

/** Texts of instants; those in templates follow the choice at once. */
export function useTimes(): Times {
  const prefs = usePrefs()
  return {
    absolute: (at) => absolute(at, prefs.locale, prefs.zone),
    clockTime: (at) => clockTime(at, prefs.locale, prefs.zone),
  }
}
