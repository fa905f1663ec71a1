import { randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";

/**
 * What lets a browser see the page: other users of the machine reach its port as well. It is in the address that is
 * printed; who opens that gets it as a cookie, for the page's own requests.
 */
export class PageKey {
  readonly text = randomBytes(24).toString("base64url");

  /** Whether a path is the address with the key. */
  opens(path: string): boolean {
    return this.#isKey(path.slice(1));
  }

  /** Whether a request has the key as its cookie. */
  isIn(request: IncomingMessage): boolean {
    const start = `${cookieName(request)}=`;
    const cookies = (request.headers.cookie ?? "").split(";").map((cookie) => cookie.trim());
    return cookies.some((cookie) => cookie.startsWith(start) && this.#isKey(cookie.slice(start.length)));
  }

  /** Value of `Set-Cookie`. No script reads it, and no other site's request carries it. */
  cookie(request: IncomingMessage): string {
    return `${cookieName(request)}=${this.text}; Path=/; HttpOnly; SameSite=Strict`;
  }

  #isKey(text: string): boolean {
    const [own, other] = [Buffer.from(this.text), Buffer.from(text)];
    return own.length === other.length && timingSafeEqual(own, other);
  }
}

/** Browsers share the cookies of a host between its ports: each page has a name of its own. */
function cookieName({ socket }: IncomingMessage): string {
  return `dbward-page-${socket.localPort}`;
}
