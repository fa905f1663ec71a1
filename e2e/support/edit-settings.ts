/**
 * With a field for a stage of a dbward.config.ts that `pnpm ops init` has written, which lacks it.
 *
 * @param field its line
 */
export function withField(text: string, stage: string, field: string): string {
  return ownPart(text, stage, (own) => own.replace(`${stage}: {\n`, (start) => `${start}      ${field}\n`));
}

/**
 * With images from another registry, and secrets for the server.
 *
 * @param registry its host
 * @param secrets variables and the secrets that hold their values
 */
export function withServer(
  text: string,
  stage: string,
  { registry, secrets }: { readonly registry: string; readonly secrets: Readonly<Record<string, string>> },
): string {
  return ownPart(text, stage, (own) =>
    own
      .replaceAll(
        /image: \{ (tag: readVersions\(.*?\.(server|agents)) \}/g,
        (_, tag: string, part: string) =>
          `image: { repository: "${registry}/dbward-${part.replace(/s$/, "")}", ${tag} }`,
      )
      .replace(/(?<=configFile: ".*\.server\.toml",)/, `\n        secrets: ${JSON.stringify(secrets)},`),
  );
}

/** With further agents like the stage's first one, each with a configuration file and a token of its own. */
export function withAgents(text: string, stage: string, names: readonly string[]): string {
  return ownPart(text, stage, (own) =>
    own.replace(/(?<=agents: \[\n)( *\{\n[\s\S]*?\n {8}\},\n)/, (block) => {
      const [, firstName = ""] = /name: "(\w+)"/.exec(block) ?? [];
      const others = names.map((name) =>
        block
          .replace(/ *token: "bootstrap",\n/, "")
          .replace(`name: "${firstName}"`, `name: "${name}"`)
          .replace(`${stage}.${firstName}.toml`, `${stage}.${name}.toml`),
      );
      return [block, ...others].join("");
    }),
  );
}

/** Without one of the agents. */
export function withoutAgent(text: string, stage: string, name: string): string {
  return ownPart(text, stage, (own) =>
    own.replace(new RegExp(` {8}\\{\\n *name: "${name}",\\n[\\s\\S]*?\\n {8}\\},\\n`), ""),
  );
}

/** Changes what stands from the beginning of a stage on. */
function ownPart(text: string, stage: string, edit: (own: string) => string): string {
  const at = text.indexOf(`${stage}: {\n`);
  if (at === -1) throw new Error(`There is no stage ${stage} in:\n${text}`);
  return text.slice(0, at) + edit(text.slice(at));
}
