import { parse, type TomlTable } from "smol-toml";

/**
 * Parses a TOML document. Integers beyond what a number holds exactly, which TOML allows, become big ones.
 *
 * @throws TomlError when it is not valid TOML
 */
export function parseToml(text: string): TomlTable {
  return parse(text, { integersAsBigInt: "asNeeded" });
}
