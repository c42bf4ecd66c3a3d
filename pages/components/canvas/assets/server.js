// Requests to the app's own routes, with the token of this reviewer and project.

/** The server answered, and the answer was no. */
export class ServerError extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }

  /** Whether the same request may succeed later. */
  get temporary() {
    return this.status >= 500 || this.status === 408 || this.status === 429 || this.status === 401;
  }
}

/** No answer at all: the server is down, or the network is. */
export class OfflineError extends Error {}

const TIMEOUT_MS = 20000;
const TOKEN_WAIT_MS = 20000;
const TOKEN_ASK_EVERY_MS = 5000;

export class Server {
  /** `askToken` makes the page issue a new token; it arrives through `setToken`. */
  constructor(root, token, askToken) {
    this.root = root;
    this.token = token;
    this.askToken = askToken;
    this.waiting = [];
    this.askedAt = -Infinity;
  }

  setToken(token) {
    if (token === this.token) return;
    this.token = token;
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  async json(path, options) {
    const response = await this.request(path, options);
    return response.json().catch(() => {
      throw new OfflineError("The answer was cut off.");
    });
  }

  async blob(path, options) {
    const response = await this.request(path, options);
    return response.blob().catch(() => {
      throw new OfflineError("The file was cut off.");
    });
  }

  post(path, document, { keepalive = false } = {}) {
    return this.json(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(document),
      keepalive,
    });
  }

  async request(path, options = {}) {
    const used = this.token;
    let response = await this.send(path, options);
    if (response.status === 401 && !options.keepalive) {
      await this.newToken(used);
      response = await this.send(path, options);
    }
    if (!response.ok) throw await readError(response);
    return response;
  }

  /** `options` are those of fetch; `timeoutMs` is for what may take longer than most. */
  async send(path, { timeoutMs = TIMEOUT_MS, ...options }) {
    try {
      return await fetch(`${this.root}/${path}`, {
        cache: "default",
        credentials: "same-origin",
        ...options,
        headers: { ...options.headers, Authorization: `Bearer ${this.token}` },
        // A request that is to outlive the page cannot be tied to one of its timers.
        signal: options.keepalive ? undefined : AbortSignal.timeout(timeoutMs),
      });
    } catch (error) {
      throw new OfflineError(String(error?.message ?? error));
    }
  }

  async newToken(used) {
    if (this.token !== used) return; // it came while the request was under way
    if (performance.now() - this.askedAt > TOKEN_ASK_EVERY_MS) {
      this.askedAt = performance.now();
      this.askToken();
    }
    await new Promise((resolve) => {
      this.waiting.push(resolve);
      setTimeout(resolve, TOKEN_WAIT_MS);
    });
  }
}

async function readError(response) {
  const document = await response.json().catch(() => null);
  const error = document?.error;
  return new ServerError(
    response.status,
    error?.code ?? "unknown",
    error?.message ?? `The server answered ${response.status}.`,
  );
}
