// One app in each place that Streamlit mounts a component in, however often it calls.

const mounted = new WeakMap(); // parent element -> app

/**
 * Keep the app of a place while its identity stays, and replace it otherwise; returns the clean-up.
 *
 * @param identity what the app is of, as text
 * @param make returns a new app, which has update(component) and dispose()
 */
export function mountOnce(component, identity, make) {
  const { parentElement } = component;
  let entry = mounted.get(parentElement);
  if (entry && entry.identity !== identity) {
    entry.app.dispose();
    entry = null;
  }
  if (!entry) {
    entry = { identity, app: make(), calls: 0 };
    mounted.set(parentElement, entry);
  }
  entry.app.update(component);
  const call = ++entry.calls;
  return () => {
    // Streamlit also cleans up after calls that newer ones have replaced; the app outlives those.
    if (entry.calls !== call) return;
    entry.app.dispose();
    mounted.delete(parentElement);
  };
}
