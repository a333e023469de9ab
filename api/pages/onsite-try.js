// The page on which the inbox and content are tried: what its form says goes to the script that shops use.
const form = document.querySelector("form"), told = document.querySelector("#told");

function visitor() {
  const known = localStorage.getItem("visitor") || crypto.randomUUID();
  localStorage.setItem("visitor", known);
  return known;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const user = form.user.value.trim(), signature = form.signature.value.trim(), place = form.place.value.trim();
  window.journeysOnsite.start({
    writeKey: form.key.value.trim(), userId: user || undefined, signature: signature || undefined,
    anonymousId: user && signature ? undefined : visitor(), inbox: user && signature ? "#inbox" : undefined,
  });
  told.textContent = "…";
  try {
    const shown = place ? await window.journeysOnsite.show({ [place]: "#content" }) : {};
    told.textContent = place && !shown[place] ? `nothing for this visitor in ${place}` : "";
  } catch (error) { told.textContent = String(error.message || error); }
});
