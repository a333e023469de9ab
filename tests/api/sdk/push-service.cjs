// node push-service.cjs: a push service for browsers (web-push-testing, unchanged) on a port of its own, which is the first line.
const { PushApiModel } = require('web-push-testing/src/PushApiModel')
const WebPushTestingServer = require('web-push-testing/src/server')

const said = console.log
console.log = () => {}
const model = new PushApiModel()
const service = new WebPushTestingServer(model, 0)
service.startServer()
service._server.on('listening', () => {
  const { port } = service._server.address()
  model.notifyUrl = `http://localhost:${port}/notify/`
  said(port)
})
