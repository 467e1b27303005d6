// selection.ts — Which refs of an upstream are mirrored. Pure.
import Type from 'typebox'

/** The option: refspec sources as git understands them, `^` before one leaves its refs out. */
export const refsOption = Type.Array(
  Type.String({ pattern: '^\\^?refs/[A-Za-z0-9._/+-]*\\*?[A-Za-z0-9._/+-]*$', maxLength: 256 }),
  {
    default: ['refs/*'],
    minItems: 1,
    maxItems: 50,
    description: 'Which refs to mirror: ["refs/heads/*", "refs/tags/*"]; "^refs/pull/*" leaves some out',
  },
)

/** Refs below it are Kagami's own: those of an upstream are not mirrored, and no reader sees those of a copy. */
export const OWN_REFS = 'refs/kagami'

/** Whether a ref is one of Kagami's own. */
export function isOwnRef(name: string): boolean {
  return name.startsWith(OWN_REFS) && (name.length === OWN_REFS.length || name[OWN_REFS.length] === '/')
}

export interface Selection {
  readonly wanted: readonly string[]
  readonly left: readonly string[]
  /** Everything, so that a plain `git clone --mirror` does. */
  readonly whole: boolean
}

/** Reads the option. */
export function selectionOf(option: unknown): Selection {
  const patterns = Array.isArray(option) ? option.map(String) : ['refs/*']
  const wanted = patterns.filter((pattern) => !pattern.startsWith('^'))
  const left = patterns.filter((pattern) => pattern.startsWith('^')).map((pattern) => pattern.slice(1))
  return {
    wanted: wanted.length > 0 ? wanted : ['refs/*'],
    left,
    whole: left.length === 0 && (wanted.length === 0 || wanted.includes('refs/*')),
  }
}

/** Whether a ref is mirrored. */
export function isSelected({ wanted, left }: Selection, name: string): boolean {
  return wanted.some((pattern) => fits(pattern, name)) && !left.some((pattern) => fits(pattern, name))
}

function fits(pattern: string, name: string): boolean {
  const star = pattern.indexOf('*')
  if (star < 0) return pattern === name
  const [before, after] = [pattern.slice(0, star), pattern.slice(star + 1)]
  return name.length >= before.length + after.length && name.startsWith(before) && name.endsWith(after)
}

/** The refspecs for a fetch. */
export function refspecsOf({ wanted, left }: Selection): string[] {
  const excluded = [...left, OWN_REFS, `${OWN_REFS}/*`]
  return [...wanted.map((pattern) => `+${pattern}:${pattern}`), ...excluded.map((pattern) => `^${pattern}`)]
}
