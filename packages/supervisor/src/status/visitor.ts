// visitor.ts — What a request asks for: in which language, which mirrors, and at which site. Whatever it contains, it
// asks for something that there is.
import { printable } from '@kagami/protocol'
import type { FastifyRequest } from 'fastify'
import type { SupervisorConfig } from '../config.ts'
import { chooseLanguage, type Chosen } from './language.ts'
import type { Wanted } from './survey.ts'

const TEXT_MAX = 100
const PAGE_MAX = 1_000_000
/** A name or an address without its port. */
const HOST = /^[A-Za-z0-9._-]+$|^\[[0-9A-Fa-f:.]+\]$/

/** Where mirrors are served. */
export interface Site {
  /** Base URL of the files, without a slash at the end. */
  readonly url: string
  readonly host: string
  /** Whether the operator has named the URL; else it is guessed, and nothing links to it. */
  readonly isKnown: boolean
}

/** The language of a visitor. */
export function chosenBy(request: FastifyRequest): Chosen {
  return chooseLanguage(firstOf(request, 'lang'), request.headers['accept-language'])
}

/** The mirrors that a visitor asks for. */
export function wantedBy(request: FastifyRequest): Wanted {
  const show = firstOf(request, 'show')
  const page = Math.floor(Number(firstOf(request, 'page') ?? 1))
  return {
    text: printable((firstOf(request, 'q') ?? '').trim().slice(0, TEXT_MAX)),
    show: show === 'problems' || show === 'new' ? show : 'all',
    page: page >= 1 && page <= PAGE_MAX ? page : 1,
  }
}

function firstOf(request: FastifyRequest, key: string): string | undefined {
  const given = (request.query as Record<string, string | string[] | undefined>)[key]
  return typeof given === 'string' ? given : given?.[0]
}

/** Where mirrors are served: at the URL of the configuration, else at the host that the visitor asked. */
export function siteOf(config: SupervisorConfig, { headers }: Pick<FastifyRequest, 'headers'>): Site {
  if (config.status_files_url !== undefined) {
    const url = config.status_files_url.replace(/\/+$/, '')
    return { url, host: new URL(url).hostname, isKnown: true }
  }
  const asked = (headers.host ?? '').slice(0, 255).replace(/:\d+$/, '')
  const host = HOST.test(asked) ? asked : config.address.host
  return { url: `http://${host}`, host, isKnown: false }
}
