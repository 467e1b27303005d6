// index.ts — The supervisor, as one import.
export { openApiDocument } from './api/reference.ts'
export { tokenHint } from './api/auth.ts'
export { loadSupervisorConfig, supervisorFlags, SupervisorKeys, type SupervisorConfig } from './config.ts'
export { openSupervisor, runSupervisor, signInLink, type RunningSupervisor } from './main.ts'
