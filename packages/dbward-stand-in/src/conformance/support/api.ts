/** One answer of the API. */
export interface Answer {
  /** What was asked, for messages. */
  readonly call: string;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body, undefined when it isn't JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it as they like
  readonly json: any;
}

/** Calls of one holder of a token. */
export class Api {
  readonly #url: string;
  readonly token: string | undefined;

  constructor(url: string, token: string | undefined) {
    this.#url = url;
    this.token = token;
  }

  /** The same server's calls of another holder. */
  as(token: string | undefined): Api {
    return new Api(this.#url, token);
  }

  get(path: string): Promise<Answer> {
    return this.send("GET", path);
  }

  /** @param body sent as JSON; a call without one has no content type either */
  post(path: string, body?: unknown): Promise<Answer> {
    return this.send(
      "POST",
      path,
      body === undefined ? {} : { body: JSON.stringify(body), type: "application/json" },
    );
  }

  /** Any call. @param headers in place of the usual ones of the same name */
  async send(
    method: string,
    path: string,
    { body, type, headers = {} }: { body?: string; type?: string; headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    const response = await fetch(this.#url + path, {
      method,
      redirect: "manual",
      headers: {
        ...(this.token === undefined ? {} : { authorization: `Bearer ${this.token}` }),
        ...(type === undefined ? {} : { "content-type": type }),
        ...headers,
      },
      // A text gets a content type of its own from fetch; bytes get none.
      ...(body === undefined ? {} : { body: new TextEncoder().encode(body) }),
    });
    const text = await response.text();
    return {
      call: `${method} ${path}`,
      status: response.status,
      headers: response.headers,
      text,
      json: jsonOf(text),
    };
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
