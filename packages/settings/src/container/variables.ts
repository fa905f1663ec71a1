/** Environment variable with the `[result_storage]` that a server.toml from SSM gets. */
export const RESULT_STORAGE_VARIABLE = "DBWARD_RESULT_STORAGE_TOML";
