// index.ts — What other packages use of the supervisor.
export { openApiDocument } from './api/reference.ts'
export { loadSupervisorConfig, supervisorFlags, SupervisorKeys, type SupervisorConfig } from './config.ts'
export { openSupervisor, runSupervisor, signInLink, type RunningSupervisor } from './main.ts'
