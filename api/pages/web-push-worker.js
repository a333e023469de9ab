// The service worker of web push: shows what arrives, opens what is clicked, and tells our API what became of it.
// A shop's own worker loads it by one line: importScripts("https://<the API>/web-push/worker.js").
(() => {
  const tell = (data, what) => (data && data.told
    ? fetch(`${data.told}/${what}`, { method: "POST", mode: "no-cors", keepalive: true, credentials: "omit" }).catch(() => {})
    : Promise.resolve());

  function read(event) {
    try {
      const message = event.data && event.data.json();
      return message && typeof message.title === "string" && message.told ? message : null; // others' pushes are theirs
    } catch { return null; }
  }

  const web = (link) => (/^https?:\/\//i.test(link || "") ? link : null);

  self.addEventListener("push", (event) => {
    const message = read(event);
    if (!message) return;
    const buttons = message.buttons || [];
    const options = {
      body: message.body, icon: message.icon, image: message.image, badge: message.badge, tag: message.tag,
      requireInteraction: message.stays === true,
      actions: buttons.map((button, place) => ({ action: `button-${place}`, title: button.title })),
      data: { told: message.told, link: message.link, links: buttons.map((button) => button.link), data: message.data || {} },
    };
    event.waitUntil(self.registration.showNotification(message.title, options).then(() => tell(options.data, "delivered")));
  });

  self.addEventListener("notificationclick", (event) => {
    const data = event.notification.data;
    if (!data || !data.told) return;
    event.notification.close();
    const button = /^button-(\d+)$/.exec(event.action || "");
    const link = web(button ? data.links[Number(button[1])] : data.link);
    event.waitUntil(Promise.all([tell(data, "clicked"), link ? open(link) : Promise.resolve()]));
  });

  self.addEventListener("notificationclose", (event) => event.waitUntil(tell(event.notification.data, "closed")));

  async function open(link) {
    const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
    const there = windows.find((each) => each.url === link);
    return there ? there.focus() : self.clients.openWindow(link);
  }
})();
