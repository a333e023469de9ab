// The page on which web push is tried: what its form says goes to the script that shops use, and what came of it is shown.
const form = document.querySelector("form"), told = document.querySelector("#told");

const options = () => ({
  writeKey: form.key.value.trim(),
  userId: form.user.value.trim() || undefined,
  signature: form.signature.value.trim() || undefined,
  anonymousId: form.user.value.trim() && form.signature.value.trim() ? undefined : visitor(),
  worker: "/web-push/worker.js",
});

function visitor() {
  const known = localStorage.getItem("visitor") || crypto.randomUUID();
  localStorage.setItem("visitor", known);
  return known;
}

async function act(what) {
  told.textContent = "…";
  try { told.textContent = await window.journeysPush[what](options()); } catch (error) { told.textContent = String(error.message || error); }
}

form.addEventListener("submit", (event) => { event.preventDefault(); act("subscribe"); });
document.querySelector("#stop").addEventListener("click", () => act("unsubscribe"));
