// Serve open-api-mocker over an OpenAPI document, on loopback: its own command listens on all interfaces.
// Usage: node serve-open-api-mocker.cjs FOLDER-OF-ITS-PACKAGES DOCUMENT PORT
const { createRequire } = require('node:module')
const { join } = require('node:path')

const [folder, schema, port] = process.argv.slice(2)
const load = createRequire(join(folder, 'package.json'))
const OpenApiMocker = load('open-api-mocker')
const Server = load('open-api-mocker/lib/mocker/express/server')

class LoopbackServer extends Server {
  startServer(app) {
    return super.startServer({ listen: (number) => app.listen(number, '127.0.0.1') })
  }
}

load('lllog')().setMinLevel('error')
const mocker = new OpenApiMocker({ schema, port: Number(port), server: new LoopbackServer() })
mocker.validate().then(() => mocker.mock())
