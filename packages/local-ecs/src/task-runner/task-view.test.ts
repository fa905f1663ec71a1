import { describe, expect, it } from "vitest";
import { TaskView } from "./task-view.ts";

const view = new TaskView({
  paths: new Map([
    ["/data", "/work/.local/efs/fs-1/dbward"],
    ["/tmp", "/tmp/stage/tasks/1/tmp"],
    ["/data/inner", "/work/.local/inner"],
  ]),
  keptPaths: ["/tmp/kept"],
  ports: new Map([[3000, 41234]]),
  services: [
    { cluster: "dbward-local", service: "api", containerPort: 3000, port: 42000 },
    { cluster: "shared", service: "shop-web", host: "web", containerPort: 80, port: 43000 },
  ],
  awsEndpoint: "http://127.0.0.1:4566",
});

describe("TaskView", () => {
  it.each([
    ['state_dir = "/data"', 'state_dir = "/work/.local/efs/fs-1/dbward"'],
    ["cat /data/admin-token", "cat /work/.local/efs/fs-1/dbward/admin-token"],
    ["cat /data/inner/x", "cat /work/.local/inner/x"],
    ["exec x --config /tmp/server.toml", "exec x --config /tmp/stage/tasks/1/tmp/server.toml"],
    ["test -f /tmp/dbward-agent-ready", "test -f /tmp/stage/tasks/1/tmp/dbward-agent-ready"],
    ["x>/tmp/a;y</tmp/b", "x>/tmp/stage/tasks/1/tmp/a;y</tmp/stage/tasks/1/tmp/b"],
    ["--listen 0.0.0.0:3000", "--listen 127.0.0.1:41234"],
    ["curl -sf http://localhost:3000/health", "curl -sf http://127.0.0.1:41234/health"],
    ['url = "http://api:3000"', 'url = "http://127.0.0.1:42000"'],
    ["http://api.dbward-local.internal:3000/x", "http://127.0.0.1:42000/x"],
    ["http://web:80 http://web.shared.internal:80", "http://127.0.0.1:43000 http://127.0.0.1:43000"],
    ["https://secretsmanager.$AWS_REGION.amazonaws.com/", "http://127.0.0.1:4566/"],
    ["https://ecs.eu-central-1.amazonaws.com", "http://127.0.0.1:4566"],
    [
      "http://169.254.170.2$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
      "http://127.0.0.1:4566$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    ],
    ["cat \\0042/data/x\\0042", "cat \\0042/work/.local/efs/fs-1/dbward/x\\0042"],
    ["\\0042localhost:3000\\0042", "\\0042127.0.0.1:41234\\0042"],
  ])("%s", (text, expected) => {
    expect(view.translate(text)).toBe(expected);
  });

  it.each([
    "/database /tmpfile /var/tmp ./data \u0024{ROOT}/data $ROOT/data /data.bak",
    "localhost:30000 10.0.0.0:3000.example.com:80 notlocalhost:3000",
    "test -f /tmp/kept",
    "api:30000 my-api:3000 other:3000 shop-web:80",
    "http://api.dbward-dev.internal:3000 http://api.example.com:3000",
    "https://example.com/amazonaws.com https://xamazonaws.com",
  ])("leaves %s alone", (text) => {
    expect(view.translate(text)).toBe(text);
  });
});
