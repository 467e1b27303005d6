// version.ts — The version this program says it is.
import manifest from '../package.json' with { type: 'json' }

export const version: string = manifest.version
