import type { ConfigSource } from "@dbward-aws/dbward-config";
import type * as kms from "aws-cdk-lib/aws-kms";
import {
  type ConfigText,
  type ParameterOptions,
  textOfFile,
  textOfParameter,
  textOfString,
} from "../task/config-text.ts";

/**
 * The server's configuration, `server.toml`. The deployment adds what belongs to it: the directory of the
 * state, the storage of results, the role of the poller's token, and log lines in JSON.
 */
export class ServerConfig {
  /** @internal */
  readonly text: ConfigText;

  private constructor(text: ConfigText) {
    this.text = text;
  }

  /**
   * A file, which is read at synth and becomes part of the template.
   *
   * @param path relative to the working directory
   * @throws Error when the file can't be read
   */
  static fromFile(path: string): ServerConfig {
    return new ServerConfig(textOfFile(path));
  }

  /** A text, which becomes part of the template. */
  static fromString(toml: string): ServerConfig {
    return new ServerConfig(textOfString(toml));
  }

  /** The text of an SSM parameter of type SecureString, which each task reads when it starts. */
  static fromParameter(parameterName: string, options: ParameterOptions = {}): ServerConfig {
    return new ServerConfig(textOfParameter(parameterName, options));
  }

  /** What the settings of a stage say, which have checked the text. */
  static ofStage(source: ConfigSource, encryptionKey?: kms.IKey): ServerConfig {
    return new ServerConfig({ name: "server.toml", source, encryptionKey, isChecked: true });
  }
}
