// index.ts — The worker, as one import.
export { loadWorkerConfig, type WorkerConfig } from './config/config.ts'
export { ProviderKeys, WorkerKeys } from './config/keys.ts'
export { declaredReplicas } from './config/replicas.ts'
export { holdsCredentials } from './edge/enrol.ts'
export { runWorker } from './main.ts'
export { providers } from './providers/index.ts'
export type { Provider } from './provider.ts'
export { startWorker, type RunningWorker } from './worker.ts'
