/** What a package says about itself once it is on a registry, where neither this workspace nor its sources are. */
function beforePacking(manifest, directory) {
  const { devDependencies: _development, scripts: _scripts, ...published } = manifest;
  // The condition by which this workspace reads its own sources.
  for (const targets of Object.values(published.exports ?? {})) delete targets["@dbward-aws/source"];
  // Pinned here, so that every checkout is the same; a reader's app has versions of its own.
  for (const [name, version] of Object.entries(published.dependencies ?? {}))
    if (/^\d/.test(version) && !name.startsWith("@dbward-aws/")) published.dependencies[name] = `^${version}`;
  // npm accepts the provenance of a package only from the repository that it names: also a fork's.
  const repository = process.env.GITHUB_REPOSITORY;
  if (repository)
    published.repository = {
      type: "git",
      url: `git+https://github.com/${repository}.git`,
      directory: directory.slice(import.meta.dirname.length + 1),
    };
  return published;
}

export const hooks = { beforePacking };
