// node mail-receiver.cjs FOLDER: a receiver of mail (maildev, unchanged) on two ports of its own; the first line is SMTP's and HTTP's.
require('maildev/lib/logger').setLevel(0)
const said = console.log
console.log = () => {}
const mail = require('maildev/lib/mailserver')
const web = require('maildev/lib/web')

mail.create('0', '127.0.0.1', process.argv[2])
mail.listen().then(() => {
  web.start('0', '127.0.0.1', mail, null, null, '/', { https: false })
  web.server.on('listening', () => said(mail.smtp.server.address().port, web.server.address().port))
})
