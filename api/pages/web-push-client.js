// Web push for a shop's page: journeysPush.subscribe({...}) on a click asks for permission and tells our API; unsubscribe undoes it.
// options: writeKey (a client's key), userId and signature (docs/ingest.md) or anonymousId, worker (the path of the shop's own
// service worker; "/journeys-worker.js"). Whoever calls `refresh` on each visit keeps a subscription that the browser has renewed.
(() => {
  const API = "{{ api }}", KEY = "{{ key }}";

  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
  const same = (one, other) => one && one.byteLength === other.length && new Uint8Array(one).every((byte, n) => byte === other[n]);
  const able = () => "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;

  async function registered(options) {
    const registration = await navigator.serviceWorker.register(options.worker || "/journeys-worker.js");
    const coming = registration.installing || registration.waiting;
    if (!registration.active && coming) {
      await new Promise((done) => coming.addEventListener("statechange", () => registration.active && done()));
    }
    return registration;
  }

  async function tell(subscription, status, options) {
    const said = { key: subscription.toJSON(), type: "WEB_PUSH", status };
    const who = options.userId ? { userId: options.userId } : {};
    const signed = options.signature ? { identity: { signature: options.signature } } : {};
    const call = { ...who, anonymousId: options.anonymousId, traits: {}, context: { messaging_subscriptions: [said], ...signed } };
    const headers = { "Content-Type": "application/json", Authorization: `Basic ${btoa(`${options.writeKey}:`)}` };
    const answer = await fetch(`${API}/v1/identify`, { method: "POST", headers, body: JSON.stringify(call), keepalive: true });
    if (!answer.ok) throw new Error(`the API answered ${answer.status}`);
  }

  async function subscribed(registration) {
    const key = bytes(KEY), old = await registration.pushManager.getSubscription();
    if (old && same(old.options.applicationServerKey, key)) return old;
    if (old) await old.unsubscribe(); // it is for a key that is not used any more
    return registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  }

  window.journeysPush = {
    able,
    async subscribe(options) {
      if (!able()) return "unsupported";
      const permission = await Notification.requestPermission();
      if (permission !== "granted") return permission;
      await tell(await subscribed(await registered(options)), "SUBSCRIBED", options);
      return "subscribed";
    },
    async refresh(options) {
      return able() && Notification.permission === "granted" ? this.subscribe(options) : "not subscribed";
    },
    async unsubscribe(options) {
      const registration = able() && (await navigator.serviceWorker.getRegistration(options.worker || "/journeys-worker.js"));
      const subscription = registration && (await registration.pushManager.getSubscription());
      if (!subscription) return "not subscribed";
      await tell(subscription, "UNSUBSCRIBED", options);
      await subscription.unsubscribe();
      return "unsubscribed";
    },
  };
})();
