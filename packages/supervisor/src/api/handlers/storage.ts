// storage.ts — The disks of the fleet under /api/v1.
import { storagePage } from '../lists/storage-pages.ts'
import type { Handlers } from './handler.ts'

export const storageHandlers: Pick<Handlers, 'listStorage'> = {
  listStorage: ({ query }, { supervisor }) => storagePage(supervisor.services, query),
}
