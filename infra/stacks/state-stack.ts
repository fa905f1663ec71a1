import { CfnOutput } from "aws-cdk-lib";
import type * as iam from "aws-cdk-lib/aws-iam";
import type { Construct } from "constructs";
import { TokenSecrets } from "../bootstrap/token-secrets.ts";
import { DbwardNetwork } from "../network/dbward-network.ts";
import { ServerFileSystem } from "../server/server-file-system.ts";
import { ResultStorage } from "../storage/result-storage.ts";
import { imageName } from "../task/container-image.ts";
import { TaskRole } from "../task/task-role.ts";
import { DbwardStack, type DbwardStackProps } from "./dbward-stack.ts";

/** What lives longest: the network, the server's state, the results, and the secrets. */
export class StateStack extends DbwardStack {
  readonly network: DbwardNetwork;
  readonly fileSystem: ServerFileSystem;
  /** Only with `storage.backend: "s3"`. */
  readonly storage?: ResultStorage;
  readonly secrets: TokenSecrets;
  /** Role of the server's task. It is here because the file system's policy names it. */
  readonly serverTaskRole: iam.Role;
  /** Role of the task that captures tokens, with `capture.method: "task"`; it may read the file system. */
  readonly captureTaskRole?: iam.Role;

  constructor(scope: Construct, props: DbwardStackProps) {
    super(scope, "State", props, "network, file system, results, secrets");
    const { settings } = props;

    this.network = new DbwardNetwork(this, "Network", {
      settings: settings.network,
      publicSubnets: settings.server.loadBalancer?.scheme === "internet-facing",
      images: [settings.server.image, ...settings.agents.map((agent) => agent.image)]
        .filter((image) => image.ecrRepositoryName === undefined)
        .map(imageName),
    });
    this.serverTaskRole = new TaskRole(this, "ServerTaskRole", {
      description: `dbward server of stage ${settings.stage}`,
    });
    if (settings.capture.method === "task")
      this.captureTaskRole = new TaskRole(this, "CaptureTaskRole", {
        description: `Capture of dbward's tokens in stage ${settings.stage}`,
      });
    this.fileSystem = new ServerFileSystem(this, "FileSystem", {
      network: this.network,
      taskRole: this.serverTaskRole,
      ...(this.captureTaskRole === undefined ? {} : { readerRole: this.captureTaskRole }),
      backups: settings.server.backups,
    });
    if (settings.storage.backend === "s3") {
      this.storage = new ResultStorage(this, "Results", { settings: settings.storage });
      new CfnOutput(this, "BucketName", {
        value: this.storage.bucket.bucketName,
        description: "Bucket of the results; kept when the stack is deleted",
      });
    }
    this.secrets = new TokenSecrets(this, "Secrets", { settings });

    new CfnOutput(this, "FileSystemId", {
      value: this.fileSystem.fileSystem.fileSystemId,
      description: "File system of the server's state; kept when the stack is deleted",
    });
  }
}
