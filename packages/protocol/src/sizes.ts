// sizes.ts — Sizes as people read them. Pure.

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** Bytes in IEC units, three significant digits: `1.21 TiB`. */
export function formatBytes(value: number): string {
  let rest = value
  let unit = 0
  while (rest >= 1023.5 && unit < UNITS.length - 1) {
    rest /= 1024
    unit += 1
  }
  const digits = unit === 0 || rest >= 99.95 ? 0 : rest >= 9.995 ? 1 : 2
  return `${rest.toFixed(digits)} ${UNITS[unit]}`
}
