// Streamlit answers a lost connection with a dialog that takes keys and mouse away from the page.
// A reviewer can go on meanwhile, because the outbox keeps every decision and the top bar says so.

const DIALOG = '[data-testid="stDialog"]';

/** Close that dialog whenever it appears; `onLost` is told. Returns a function that stops. */
export function closeConnectionDialogs(onLost) {
  const check = () => {
    for (const dialog of document.querySelectorAll(DIALOG)) {
      if (!dialog.querySelector("h2")?.textContent.startsWith("Connection error")) continue;
      dialog.querySelector("button[aria-label='Close']")?.click();
      onLost();
    }
  };
  const observer = new MutationObserver(check);
  observer.observe(document.body, { childList: true }); // it is put beside the app, not inside
  check();
  return () => observer.disconnect();
}
