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
 * An agent's configuration, `agent.toml`. It refers to the server as `http://server:3000`, to the agent's
 * token as `${DBWARD_AGENT_TOKEN}`, and to each database by the variable with its URL.
 */
export class AgentConfig {
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
  static fromFile(path: string): AgentConfig {
    return new AgentConfig(textOfFile(path));
  }

  /** A text, which becomes part of the template. */
  static fromString(toml: string): AgentConfig {
    return new AgentConfig(textOfString(toml));
  }

  /** The text of an SSM parameter of type SecureString, which each task reads when it starts. */
  static fromParameter(parameterName: string, options: ParameterOptions = {}): AgentConfig {
    return new AgentConfig(textOfParameter(parameterName, options));
  }

  /** What the settings of a stage say, which have checked the text. */
  static ofStage(source: ConfigSource, encryptionKey?: kms.IKey): AgentConfig {
    return new AgentConfig({ name: "agent.toml", source, encryptionKey, isChecked: true });
  }
}
