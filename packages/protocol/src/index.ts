// index.ts — The contract, as one import.
export * from './client.ts'
export * from './errors.ts'
export * from './messages.ts'
export * from './model.ts'
export * from './names.ts'
export * from './routes.ts'
export * from './validate.ts'
export * from './views.ts'
