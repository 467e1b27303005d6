// router.ts — The pages and their addresses under /ui/.
import { createRouter, createWebHistory, type RouteRecordRaw } from 'vue-router'
import { takeTokenFromAddress } from './token.ts'
import Overview from './views/Overview.vue'

const views = {
  MirrorList: () => import('./views/MirrorList.vue'),
  MirrorPage: () => import('./views/MirrorPage.vue'),
  ReplicaList: () => import('./views/ReplicaList.vue'),
  ReplicaAdd: () => import('./views/ReplicaAdd.vue'),
  ReplicaPage: () => import('./views/ReplicaPage.vue'),
  WorkerList: () => import('./views/WorkerList.vue'),
  WorkerPage: () => import('./views/WorkerPage.vue'),
  SyncList: () => import('./views/SyncList.vue'),
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
    ],
  },
  { path: '/replicas/:id', name: 'replica', component: views.ReplicaPage, props: true },
  { path: '/workers', name: 'workers', component: views.WorkerList },
  { path: '/workers/:id', name: 'worker', component: views.WorkerPage, props: true },
  { path: '/syncs', name: 'syncs', component: views.SyncList },
  { path: '/syncs/:id', name: 'sync', component: views.SyncPage, props: true },
  { path: '/:rest(.*)*', name: 'nowhere', component: views.NotFound },
]

/** Where the addresses of older versions lead. */
const OLDER: Record<string, string> = { '#overview': '/', '#workers': '/workers', '#mirrors': '/mirrors' }

// Before the router reads the address, so that the token is never in its history.
takeTokenFromAddress()

/** The router. */
export const router = createRouter({
  history: createWebHistory('/ui/'),
  routes: pages,
  scrollBehavior(to, from, saved) {
    if (saved) return saved
    return to.matched[0] === from.matched[0] ? undefined : { top: 0 }
  },
})
router.beforeEach((to) => {
  const older = to.path === '/' ? OLDER[to.hash] : undefined
  return older === undefined ? true : { path: older, hash: '', replace: true }
})
// A page that was rebuilt on the server has new file names: load it whole.
router.onError(async (_error, to) => {
  const href = router.resolve(to).href
  if (
    sessionStorage.getItem('kagami.reloaded') ||
    !(await fetch(href, { method: 'HEAD' }).then(
      (answer) => answer.ok,
      () => false,
    ))
  )
    return
  sessionStorage.setItem('kagami.reloaded', '1')
  location.assign(href)
})
router.afterEach((to, from) => {
  if (from.matched.length === 0 || to.matched[0] === from.matched[0]) return
  sessionStorage.removeItem('kagami.reloaded')
  requestAnimationFrame(() => document.querySelector<HTMLElement>('main h1')?.focus({ preventScroll: true }))
})

/** Loads all pages while nothing else happens, so that they open at once, also when the supervisor is away. */
export function loadAllPages(): void {
  window.setTimeout(() => void Promise.allSettled(Object.values(views).map((load) => load())), 1500)
}
