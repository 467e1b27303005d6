// index.ts — The worker, as one import.
export { declaredReplicas, loadWorkerConfig, ProviderKeys, WorkerKeys, type WorkerConfig } from './config.ts'
export { holdsCredentials } from './edge/enrol.ts'
export { runWorker } from './main.ts'
export { providers } from './providers/index.ts'
export type { Provider } from './provider.ts'
export { startWorker, type RunningWorker } from './worker.ts'
