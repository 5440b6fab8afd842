// Serve Scalar's mock server over an OpenAPI document, on loopback: it is a library without a command.
// Usage: node serve-scalar.mjs FOLDER-OF-ITS-PACKAGES DOCUMENT PORT
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [folder, document, port] = process.argv.slice(2)
const require = createRequire(join(folder, 'package.json'))
const load = (name) => import(pathToFileURL(require.resolve(name)))
const { createMockServer } = await load('@scalar/mock-server')
const { serve } = await load('@hono/node-server')
const { parse } = await load('yaml')

const app = await createMockServer({ document: parse(readFileSync(document, 'utf8')) })
serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(port) })
