// schemas.ts — Stands in for the schema library in the browser: the UI reads routes and error tables, the server
// validates. Saves 45 kB.
type Shape = { properties: object }

const make = (given: unknown): Shape => ({ properties: typeof given === 'object' && given !== null ? given : {} })

/** Any `Type.X(…)`: an empty schema that keeps the properties it was given. */
export default new Proxy({}, { get: () => make })

/** Compiling needs the real library: nothing in the UI may ask for it. */
export function Compile(): never {
  throw new Error('the UI does not validate: the server does')
}
