// grant.ts — What whoever sends a request may do, and the refusals of what they may not.
import { describeScope, includesRole, isInScope, Refusal, type Labels, type Role, type Scope } from '@kagami/protocol'

/** What somebody may do. */
export interface Grant {
  /** As the audit has it. */
  readonly name: string
  readonly role: Role
  /** Labels of the replicas that they may write to; empty: everything. */
  readonly scope: Scope
  readonly expires_at: string | null
}

/** Who sends a request. */
export interface Identity {
  /** Null: nobody who is known here. */
  readonly grant: Grant | null
  /** Why that which was sent does not count; null: nothing was sent, or it counts. */
  readonly problem: string | null
  /**
   * A browser sends this by itself, also for pages of other sites: what it writes must come from a page of ours.
   */
  readonly isAmbient: boolean
}

/** What a request writes to: a replica with its name as people know it; or, in a word, more than replicas. */
export type Target = { readonly name: string; readonly labels: Labels } | 'fleet'

/** How many of the targets that are out of a scope are named. */
const NAMED = 3

/** Throws `forbidden` for who has not the role. */
export function requireRole({ name, role }: Grant, needed: Role): void {
  if (includesRole(role, needed)) return
  throw new Refusal('forbidden', `this takes the role ${needed}, and ${name} has the role ${role}`)
}

/** Whether a scope leaves anything out. */
export const isScoped = ({ scope }: Grant): boolean => Object.keys(scope).length > 0

/** Throws `forbidden` when one of the targets is out of the scope. Nothing was done yet. */
export function requireScope(grant: Grant, targets: readonly Target[]): void {
  if (!isScoped(grant)) return
  const own = `${grant.name} may write only to replicas with ${describeScope(grant.scope)}`
  if (targets.includes('fleet')) throw new Refusal('forbidden', `${own}, and this concerns more than replicas`)
  const outside = targets.filter((target) => target !== 'fleet' && !isInScope(target.labels, grant.scope))
  if (outside.length === 0) return
  const names = [...new Set(outside.map((target) => (target as { name: string }).name))]
  const others = names.length > NAMED ? ` and ${names.length - NAMED} more` : ''
  throw new Refusal('forbidden', `${own}: not to ${names.slice(0, NAMED).join(', ')}${others}. Nothing was done`)
}
