// healthy.js — Exits with 0 when a program of this container answers over HTTP; the HEALTHCHECK of the images, which
// have no curl. `healthy.js VARIABLE PATH`: the variable holds the address the program listens on, host:port.
const [variable, path] = process.argv.slice(2)
// Listening on every address is not an address to connect to.
const address = (process.env[variable] ?? '').replace(/^(0\.0\.0\.0|\[::\]):/, '127.0.0.1:')
try {
  const { ok } = await fetch(`http://${address}${path}`)
  process.exitCode = ok ? 0 : 1
} catch {
  process.exitCode = 1
}
