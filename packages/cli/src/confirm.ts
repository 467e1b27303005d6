// confirm.ts — Asks before something that cannot be undone. Programs say --yes instead.
import { createInterface } from 'node:readline/promises'
import { ConfigError } from '@kagami/runtime/config'

/** What is asked, and what a program has to run instead. */
export interface Question {
  /** The text, or how to make it: then what it says is found out only on a terminal. */
  readonly question: string | (() => Promise<string>)
  /** What must be typed. */
  readonly answer: string
  /** What needs the confirmation: "removing a folder". */
  readonly what: string
  readonly instead: string
}

/** Throws ConfigError when something else than the answer is typed, or when stdin is no terminal. */
export async function confirmTyped({ question, answer, what, instead }: Question): Promise<void> {
  if (!process.stdin.isTTY) throw new ConfigError(`${what} needs a confirmation; nothing was done`, `Run: ${instead}`)
  const text = typeof question === 'string' ? question : await question()
  const prompt = createInterface({ input: process.stdin, output: process.stderr })
  const typed = await prompt.question(text)
  prompt.close()
  if (typed.trim() !== answer) throw new ConfigError(`that is not ${answer}; nothing was done`)
}
