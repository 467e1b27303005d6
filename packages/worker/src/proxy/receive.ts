// receive.ts — Reads what a proxy answers before the connection is that to the upstream.
import type { Socket } from 'node:net'
import { proxyFailure, type ProxyServer } from './server.ts'

/**
 * Reads as many bytes as `lengthOf` says, once it can say that; what came after them stays in the socket. Throws when
 * the connection ends before.
 */
export function receive(socket: Socket, proxy: ProxyServer, lengthOf: (got: Buffer) => number | null): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let got: Buffer = Buffer.alloc(0)
    const onReadable = () => {
      for (let chunk = socket.read() as Buffer | null; chunk !== null; chunk = socket.read() as Buffer | null) {
        got = Buffer.concat([got, chunk])
        const length = lengthOf(got)
        if (length === null || got.length < length) continue
        stop()
        if (got.length > length) socket.unshift(got.subarray(length))
        return resolve(got.subarray(0, length))
      }
    }
    const onEnd = () => {
      stop()
      reject(proxyFailure('upstream_unreachable', proxy, 'ended the connection without an answer'))
    }
    const onError = (error: Error) => {
      stop()
      reject(error)
    }
    const stop = () =>
      void socket.off('readable', onReadable).off('end', onEnd).off('close', onEnd).off('error', onError)
    socket.on('readable', onReadable).on('end', onEnd).on('close', onEnd).on('error', onError)
  })
}
