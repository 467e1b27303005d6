// useTimes.ts — Instants as text, in the language and time zone that the viewer chose.
import { absolute, clockTime, minuteOf, spanOf } from '../format.ts'
import { usePrefs } from '../stores/prefs.ts'

export interface Times {
  /** With date, seconds and zone. */
  absolute(at: string | null | undefined): string
  /** The time of day. Unix ms. */
  clockTime(at: number): string
  /** Day and minute with the zone, which is that of the viewer unless it is named. */
  minute(at: Date, zone?: string): string
  /** From one minute to another, with the zone. */
  span(from: Date, to: Date, zone?: string): string
}

/** Texts of instants; those in templates follow the choice at once. */
export function useTimes(): Times {
  const prefs = usePrefs()
  return {
    absolute: (at) => absolute(at, prefs.locale, prefs.zone),
    clockTime: (at) => clockTime(at, prefs.locale, prefs.zone),
    minute: (at, zone = prefs.zone) => minuteOf(at, prefs.locale, zone),
    span: (from, to, zone = prefs.zone) => spanOf(from, to, prefs.locale, zone),
  }
}
