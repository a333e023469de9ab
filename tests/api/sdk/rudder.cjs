// node rudder.cjs <url> <write key>: one call of each kind through RudderStack's SDK, unchanged.
const sdk = require('@rudderstack/rudder-sdk-node')
const Analytics = sdk.default ?? sdk

const [dataPlaneUrl, writeKey] = process.argv.slice(2)
const analytics = new Analytics(writeKey, { dataPlaneUrl, flushAt: 20 })

analytics.track({ anonymousId: 'visitor', event: 'Product Viewed', properties: { price: 59.9 } })
analytics.identify({ userId: 'ana', anonymousId: 'visitor', traits: { email: 'ana@shop.example', plan: 'pro' } })
analytics.page({ userId: 'ana', name: 'Shoes', properties: { url: '/shoes' } })
analytics.screen({ userId: 'ana', name: 'Cart' })
analytics.group({ userId: 'ana', groupId: 'acme', traits: { size: 3 } })
analytics.alias({ previousId: 'old-ana', userId: 'ana' })
analytics.flush((error) => {
  if (error) console.error(error)
  process.exit(error ? 1 : 0)
})
