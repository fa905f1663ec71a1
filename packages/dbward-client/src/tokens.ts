import { fields, optionalText, read, readList, text, withoutEmpty } from "./schema.ts";

/** Answer of `POST /api/tokens`: the only time that the token is shown. */
export interface CreatedToken {
  readonly id: string;
  readonly token: string;
  readonly subjectId: string;
}

/** One row of `GET /api/tokens`: everything but the token. */
export interface TokenInfo {
  readonly id: string;
  /** The 8 hex digits after `dbw_`. */
  readonly prefix?: string;
  readonly name?: string;
  readonly subjectId?: string;
  readonly subjectType?: string;
  readonly status?: string;
  readonly createdAt?: string;
}

const CREATED_TOKEN = fields(() => ({ id: text(), token: text(), subject_id: text() }));
const TOKEN_INFO = fields(() => ({
  id: text(),
  token_prefix: optionalText(),
  name: optionalText(),
  subject_id: optionalText(),
  subject_type: optionalText(),
  status: optionalText(),
  created_at: optionalText(),
}));

/** @throws {ShapeError} when it is not the answer of `POST /api/tokens` */
export function readCreatedToken(answer: unknown): CreatedToken {
  const { id, token, subject_id } = read(CREATED_TOKEN, answer);
  return { id, token, subjectId: subject_id };
}

/** @throws {ShapeError} when it is not the answer of `GET /api/tokens` */
export function readTokens(answer: unknown): TokenInfo[] {
  return readList(TOKEN_INFO, "tokens", answer, (row) => ({
    id: row.id,
    ...withoutEmpty({
      prefix: row.token_prefix,
      name: row.name,
      subjectId: row.subject_id,
      subjectType: row.subject_type,
      status: row.status,
      createdAt: row.created_at,
    }),
  }));
}
