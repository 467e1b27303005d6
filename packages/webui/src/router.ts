// router.ts — The pages and their addresses under /ui/.
import { createRouter, createWebHistory, type RouteRecordRaw } from 'vue-router'
import { unreachable } from './api.ts'
import { useToasts } from './stores/toasts.ts'
import { takeTokenFromAddress } from './token.ts'
import Overview from './views/Overview.vue'

const views = {
  MirrorList: () => import('./views/MirrorList.vue'),
  MirrorPage: () => import('./views/MirrorPage.vue'),
  ReplicaList: () => import('./views/ReplicaList.vue'),
  ReplicaAdd: () => import('./views/ReplicaAdd.vue'),
  ReplicaImport: () => import('./views/ReplicaImport.vue'),
  ReplicaEdit: () => import('./views/ReplicaEdit.vue'),
  ReplicaPage: () => import('./views/ReplicaPage.vue'),
  WorkerList: () => import('./views/WorkerList.vue'),
  WorkerPage: () => import('./views/WorkerPage.vue'),
  SyncList: () => import('./views/SyncList.vue'),
  StorageList: () => import('./views/StorageList.vue'),
  JobPage: () => import('./views/JobPage.vue'),
  EventList: () => import('./views/EventList.vue'),
  SettingsPage: () => import('./views/SettingsPage.vue'),
  SignedIn: () => import('./views/SignedIn.vue'),
  SyncPage: () => import('./views/SyncPage.vue'),
  NotFound: () => import('./views/NotFound.vue'),
}

const pages: RouteRecordRaw[] = [
  { path: '/', name: 'overview', component: Overview },
  { path: '/mirrors', name: 'mirrors', component: views.MirrorList },
  { path: '/mirrors/:name', name: 'mirror', component: views.MirrorPage, props: true },
  {
    path: '/replicas',
    component: views.ReplicaList,
    children: [
      { path: '', name: 'replicas', component: { render: () => null } },
      { path: 'add', name: 'add-replica', component: views.ReplicaAdd },
      { path: 'import', name: 'import-replicas', component: views.ReplicaImport },
    ],
  },
  {
    path: '/replicas/:id',
    component: views.ReplicaPage,
    props: true,
    children: [
      { path: '', name: 'replica', component: { render: () => null } },
      { path: 'edit', name: 'edit-replica', component: views.ReplicaEdit },
    ],
  },
  { path: '/workers', name: 'workers', component: views.WorkerList },
  { path: '/workers/:id', name: 'worker', component: views.WorkerPage, props: true },
  { path: '/syncs', name: 'syncs', component: views.SyncList },
  { path: '/syncs/:id', name: 'sync', component: views.SyncPage, props: true },
  { path: '/storage', name: 'storage', component: views.StorageList },
  { path: '/jobs/:id', name: 'job', component: views.JobPage, props: true },
  { path: '/events', name: 'events', component: views.EventList },
  { path: '/signed-in', name: 'signed-in', component: views.SignedIn },
  { path: '/settings', name: 'settings', component: views.SettingsPage },
  { path: '/:rest(.*)*', name: 'nowhere', component: views.NotFound },
]

/** Addresses of v0 and where they lead now. */
const V0_ADDRESSES: Record<string, string> = { '#overview': '/', '#workers': '/workers', '#mirrors': '/mirrors' }

// Must run before the router reads the address, so that the token is never in its history.
takeTokenFromAddress()

/** The router. */
export const router = createRouter({
  history: createWebHistory('/ui/'),
  routes: pages,
  scrollBehavior(to, from, saved) {
    if (saved) return afterDrawing(saved)
    return to.matched[0] === from.matched[0] ? undefined : { top: 0 }
  },
})
router.beforeEach((to) => {
  const path = to.path === '/' ? V0_ADDRESSES[to.hash] : undefined
  return path === undefined ? true : { path, hash: '', replace: true }
})
// The code of a page could not be loaded. If the UI was rebuilt on the server, its files have other names: load the
// whole page again.
router.onError(async (_error, to) => {
  const href = router.resolve(to).href
  if (!(await isServed(href))) {
    useToasts().showProblem(unreachable())
    return
  }
  if (sessionStorage.getItem('kagami.reloaded')) return
  sessionStorage.setItem('kagami.reloaded', '1')
  location.assign(href)
})
router.afterEach((to, from) => {
  if (from.matched.length === 0 || to.matched[0] === from.matched[0]) return
  sessionStorage.removeItem('kagami.reloaded')
  requestAnimationFrame(() => document.querySelector<HTMLElement>('main h1')?.focus({ preventScroll: true }))
})

/** The place to scroll to, once the rows of the page have their height. */
function afterDrawing<T>(place: T): Promise<T> {
  return new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve(place))))
}

async function isServed(href: string): Promise<boolean> {
  const answer = await fetch(href, { method: 'HEAD' }).catch(() => null)
  return answer?.ok === true
}

/** Loads all pages a moment after the start, so that they open at once, even when the supervisor is offline. */
export function loadAllPages(): void {
  window.setTimeout(() => void Promise.allSettled(Object.values(views).map((load) => load())), 1500)
}
