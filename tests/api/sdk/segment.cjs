// node segment.cjs <url> <write key>: one call of each kind through Segment's SDK, unchanged.
const { Analytics } = require('@segment/analytics-node')

const [host, writeKey] = process.argv.slice(2)
const analytics = new Analytics({ writeKey, host, maxRetries: 3 })
analytics.on('error', (error) => { console.error(error); process.exitCode = 1 })

analytics.track({ anonymousId: 'visitor', event: 'Product Viewed', properties: { price: 59.9 } })
analytics.identify({ userId: 'ana', anonymousId: 'visitor', traits: { email: 'ana@shop.example', plan: 'pro' } })
analytics.page({ userId: 'ana', name: 'Shoes', properties: { url: '/shoes' } })
analytics.screen({ userId: 'ana', name: 'Cart' })
analytics.group({ userId: 'ana', groupId: 'acme', traits: { size: 3 } })
analytics.alias({ previousId: 'old-ana', userId: 'ana' })
analytics.closeAndFlush()
