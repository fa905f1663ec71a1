import * as z from "zod/mini";
import { fields, optionalText, read, readList, text, withoutEmpty } from "./schema.ts";

/** A user to create. */
export interface NewUser {
  readonly id: string;
  readonly roles: readonly string[];
}

/** Answer of `POST /api/users`: the only time that the token is shown. */
export interface CreatedUser {
  readonly id: string;
  readonly token: string;
  readonly roles: readonly string[];
}

/** Answer of `POST /api/users/{id}/reissue-initial-token`; the former token has stopped working. */
export interface ReissuedToken {
  readonly token: string;
  readonly reissuedTokenId?: string;
  readonly revokedOldTokenId?: string;
}

/** One row of `GET /api/users`. */
export interface UserInfo {
  readonly id: string;
  readonly status?: string;
}

/** Answer of `GET /api/me`. */
export interface CurrentUser {
  readonly subjectId: string;
}

const CREATED_USER = fields(() => ({ id: text(), token: text(), roles: z.array(z.string()) }));
const REISSUED_TOKEN = fields(() => ({
  token: text(),
  reissued_token_id: optionalText(),
  revoked_old_token_id: optionalText(),
}));

/** @throws {ShapeError} when it is not the answer of `POST /api/users` */
export function readCreatedUser(answer: unknown): CreatedUser {
  return read(CREATED_USER, answer);
}

/** @throws {ShapeError} when it is not the answer of `POST /api/users/{id}/reissue-initial-token` */
export function readReissuedToken(answer: unknown): ReissuedToken {
  const { token, reissued_token_id, revoked_old_token_id } = read(REISSUED_TOKEN, answer);
  return {
    token,
    ...withoutEmpty({ reissuedTokenId: reissued_token_id, revokedOldTokenId: revoked_old_token_id }),
  };
}

const USER_INFO = fields(() => ({ id: text(), status: optionalText() }));
const CURRENT_USER = fields(() => ({ subject_id: text() }));

/** @throws {ShapeError} when it is not the answer of `GET /api/users` */
export function readUsers(answer: unknown): UserInfo[] {
  return readList(USER_INFO, "users", answer, ({ id, status }) => ({ id, ...withoutEmpty({ status }) }));
}

/** @throws {ShapeError} when it is not the answer of `GET /api/me` */
export function readCurrentUser(answer: unknown): CurrentUser {
  return { subjectId: read(CURRENT_USER, answer).subject_id };
}
