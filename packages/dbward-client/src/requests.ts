import { amount, fields, read } from "./schema.ts";

const PAGE = fields(() => ({ total: amount() }));

/** @throws {ShapeError} when it is not the answer of `GET /api/requests` */
export function readTotal(answer: unknown): number {
  return read(PAGE, answer).total;
}
