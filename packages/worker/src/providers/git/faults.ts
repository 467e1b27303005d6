// faults.ts — The option that lets faults of objects through which git finds, and the names git has for them. Pure.
import Type from 'typebox'

/** Faults that git can be told to let through; it does not let a NUL or an end in a header through. */
const FAULTS = [
  'badDate badDateOverflow badEmail badFilemode badName badObjectSha1 badParentSha1 badTagName badTimezone badTree',
  'badTreeSha1 badType duplicateEntries emptyName extraHeaderEntry fullPathname gitattributesBlob gitattributesLarge',
  'gitattributesLineLength gitattributesMissing gitattributesSymlink gitignoreSymlink gitmodulesBlob gitmodulesLarge',
  'gitmodulesMissing gitmodulesName gitmodulesParse gitmodulesPath gitmodulesSymlink gitmodulesUpdate gitmodulesUrl',
  'hasDot hasDotdot hasDotgit largePathname mailmapSymlink missingAuthor missingCommitter missingEmail',
  'missingNameBeforeEmail missingObject missingSpaceBeforeDate missingSpaceBeforeEmail missingTag missingTagEntry',
  'missingTaggerEntry missingTree missingType missingTypeEntry multipleAuthors nulInCommit nullSha1 treeNotSorted',
  'unknownType zeroPaddedDate zeroPaddedFilemode',
].flatMap((line) => line.split(' '))

/** Old repositories without any bad intent have such objects. */
const HARMLESS = ['zeroPaddedFilemode', 'badTimezone', 'missingSpaceBeforeDate']

/** The option: names of faults, as git's messages have them. */
export const fsckIgnoreOption = Type.Array(Type.String({ pattern: `^(${FAULTS.join('|')})$` }), {
  default: [],
  maxItems: FAULTS.length,
  description:
    'Faults of objects that are let through, by the names git gives them: ["missingEmail", "zeroPaddedDate"]. ' +
    'The message of a sync that fails for one names it',
})

/** Settings of git for checks of objects, each `<prefix>.<fault>=ignore`. */
export function ignoredFaults(prefix: string, chosen: unknown): string[] {
  const names = new Set([...HARMLESS, ...(Array.isArray(chosen) ? chosen.map(String) : [])])
  return [...names].map((name) => `${prefix}.${name}=ignore`)
}
